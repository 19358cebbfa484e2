package RD::Recorder;

# What stands where desktops would: many connections at once on several ports,
# every byte of them kept, so that a test can say what never came.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use POSIX ();

use RD::Place qw(free_port prefix slurp);
use RD::Serve qw(upgrade_of);

our @EXPORT = qw(record recorded);

use constant SYNC => "SYNC\r\n\r\n";

my (@children, %log);


# Answers on n ports as a desktop does; the ports.

sub record {
    my ($n) = @_;

    my @listen = map {
        IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => free_port(), Proto => 'tcp', Listen => 512,
            ReuseAddr => 1, Blocking => 0)
            || die "recorder: $!";
    } 1 .. $n;

    my @ports = map { $_->sockport } @listen;
    $log{$_} = prefix() . "/recorded-$_" for @ports;

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';
        _serve(@listen);
        POSIX::_exit(0);
    }

    close $_ for @listen;
    push @children, $pid;

    return @ports;
}


# All that came to a port until now, and what its connections began with.  The
# recorder takes connections in their order, so what came before is written.

sub recorded {
    my ($port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
        Timeout => 10 * RD::Place::slow_factor())
        or die "the recorder is gone: $!";

    syswrite $socket, SYNC;
    my $answered = IO::Select->new($socket)
        ->can_read(20 * RD::Place::slow_factor());
    die "the recorder is silent\n"
        if !$answered || !sysread $socket, my $bytes, 1;
    close $socket;

    return slurp($log{$port});
}


sub _serve {
    my (@listen) = @_;

    my %port = map { fileno($_) => $_->sockport } @listen;
    my $select = IO::Select->new(@listen);
    my %talk;

    while (1) {
        my @sync;

        for my $socket ($select->can_read) {
            my $fd = fileno $socket;

            if ($port{$fd}) {
                while (my $new = $socket->accept) {
                    $new->blocking(0);
                    $select->add($new);
                    $talk{fileno $new} = { port => $port{$fd}, in => '' };
                }
                next;
            }

            my $talk = $talk{$fd};

            if (!sysread $socket, $talk->{in}, 65536, length $talk->{in}) {
                _keep($talk) if length $talk->{in};
                $select->remove($socket);
                delete $talk{$fd};
                close $socket;
                next;
            }

            next if $talk->{in} !~ /\r\n\r\n/;

            if ($talk->{in} eq SYNC) {
                push @sync, $socket;
                $talk->{in} = '';
                next;
            }

            _answer($socket, $talk);
        }

        # whatever could be read together with the question was read
        syswrite $_, '.' for @sync;
    }
}


sub _answer {
    my ($socket, $talk) = @_;

    my $upgrade = upgrade_of($talk->{in});
    my $tunnel = $talk->{tunnel};

    _keep($talk);
    return if $tunnel;

    if (!defined $upgrade) {
        syswrite $socket, "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                          . "Content-Length: 5\r\n\r\nhello";
        shutdown $socket, 1;
        return;
    }

    $talk->{tunnel} = 1;
    syswrite $socket, "$upgrade\x82\x0cRFB 003.008\n";
}


sub _keep {
    my ($talk) = @_;

    open my $file, '>>:raw', $log{$talk->{port}} or die "recorder: $!";
    print $file ($talk->{tunnel} ? "-- frames\n" : "-- request\n"),
                $talk->{in}, "\n";
    close $file;
    $talk->{in} = '';
}


END {
    local $?;           # waitpid would make it the exit code

    for my $pid (splice @children) {
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}


1;
