package RD::Events;

# Listeners to the events, for suites in plain Perl, and events to listen to.

use strict;
use warnings;

use Exporter qw(import);
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(time);

use JSON::PP ();

use RD::Client;
use RD::Place;

our @EXPORT = qw(admin_api listen_to next_line next_event events_of happen);


# admin_api($visitor, 'GET containers', '', ...): { code, json, head, body }

sub admin_api {
    my ($visitor, $what, $body, %option) = @_;

    my ($method, $path) = split ' ', $what;
    my $type = $option{type}
               // (($body // '') =~ /^[\[{"]/ ? 'application/json'
                   : 'application/x-www-form-urlencoded');

    my $res = RD::http("$method /remote-desktop/admin/api/$path\n"
                       . ($body // ''),
                       visitor => $visitor,
                       more => (defined $body ? "Content-Type: $type\n" : '')
                               . ($option{more} // ''));

    $res->{json} = eval { JSON::PP::decode_json($res->{body}) } // {};
    return $res;
}


# A listener: { client, code, header }.  after => id, rcvbuf => bytes,
# client => a connection that is there already, more => headers,
# meanwhile => sub { what happens between the request and its answer }

sub listen_to {
    my ($visitor, %option) = @_;

    my $client = $option{client}
                 // RD::Client->connect($RD::ServerPort, 5);
    setsockopt $client->{socket}, SOL_SOCKET, SO_RCVBUF, $option{rcvbuf}
        if $option{rcvbuf};

    $client->send(RD::Client::compose(
        'GET /remote-desktop/admin/api/events/stream' . ($option{args} // ''),
        RD::Visitor::headers($visitor, 'GET') . ($option{more} // '')
        . (defined $option{after} ? "Last-Event-ID: $option{after}\n" : ''),
        'close'));

    $option{meanwhile}->() if $option{meanwhile};

    my $deadline = time + RD::Place::patience(5);
    1 while $client->{in} !~ /\r\n\r\n/ && $client->fill($deadline);

    my $self = { client => $client, text => '', header => {}, code => '' };

    if ($client->{in} =~ s/\A(HTTP\S+ (\d+).*?\r\n)\r\n//s) {
        my $head = $1;
        $self->{code} = $2;
        $self->{header}{lc $1} = $2 while $head =~ /^([\w-]+): (.*?)\r$/mg;
    }

    return $self;
}


# The next line that is not empty; undef at the end of time, "eof" at that of
# the stream, "cut" when it ended in the middle.

sub next_line {
    my ($self, $seconds) = @_;

    my $client = $self->{client};
    my $deadline = time + RD::Place::patience($seconds);

    while (1) {
        while ($self->{text} =~ s/\A([^\n]*)\n//) {
            return $1 if length $1;
        }

        if ($client->{in} =~ /\A([0-9a-f]+)\r\n/) {
            my ($n, $head) = (hex $1, length $&);

            if (length $client->{in} >= $head + $n + 2) {
                return 'eof' if $n == 0;
                $self->{text} .= substr $client->{in}, $head, $n;
                substr $client->{in}, 0, $head + $n + 2, '';
                next;
            }
        }

        next if $client->fill($deadline);
        return $client->{eof} ? 'cut' : undef;
    }
}


# The next event as data, with its sse_id; anything else as the text it is.
# What is told of the host that nobody can reach is left out.

sub next_event {
    my ($self, $seconds) = @_;

    my $line = next_line($self, $seconds);
    return $line if !defined $line || $line !~ /^id: (.*)/;

    my $id = $1;
    $line = next_line($self, $seconds);
    return $line if !defined $line || $line !~ /^data: (.*)/;

    my $event = { %{ JSON::PP::decode_json($1) }, sse_id => $id };

    return $event->{type} =~ /^host_/ ? next_event($self, $seconds) : $event;
}


# events one after the other until $n have come, comments left out

sub events_of {
    my ($self, $n, $seconds) = @_;

    my @events;

    while (@events < $n) {
        my $event = next_event($self, $seconds // 5);
        last if !defined $event || $event =~ /^(?:eof|cut)$/;
        push @events, $event if ref $event;     # no comment
    }

    return @events;
}


# Something happens, as a script would tell it; its id.

sub happen {
    my ($message, %more) = @_;

    my %event = (type => 'session_extended', level => 'info',
                 message => $message, session => 'a' x 32, user_id => 2,
                 username => 'ada', flags => '', metadata => '{}', %more);

    return RD::redis('XADD', 'rd:{' . RD::site() . '}:events', '*', %event);
}


1;
