package RD::Bench::Instructions;

# User-space instructions of an nginx in one process under callgrind: counted
# for some requests alone, without start, reload or warm-up.

use strict;
use warnings;

use RD::Bench;
use RD::Client;
use RD::Place qw(prefix slurp);

use constant { WARM => 200, COUNTED => 300, ANSWER_S => 30 };

my %dumps;


# how nginx has to be started (RD::Bench::Nginx, "under")

sub command {
    my ($name) = @_;

    return ['valgrind', '-q', '--tool=callgrind', '--instr-atstart=no',
            '--callgrind-out-file=' . _file($name)];
}


# Instructions a request: COUNTED requests after WARM others, all on one
# connection.  Each request is { id, cookie }; they are taken in turn.

sub count {
    my ($name, $nginx, $path, @requests) = @_;

    my $client = RD::Client->connect($nginx->port, ANSWER_S);
    my $next = 0;
    my $ask = sub {
        my $r = $requests[$next++ % @requests];

        $client->send(RD::Client::compose("GET $path$r->{id}/small",
            "Cookie: session=$r->{cookie}", 'keep-alive'));

        my $code = $client->response(ANSWER_S, 'GET')->{code};
        die "$path$r->{id}: $code\n" if $code != 200;
    };

    $ask->() for 1 .. WARM;

    _control($nginx, '--instr=on');
    _control($nginx, '--zero');
    $ask->() for 1 .. COUNTED;
    _control($nginx, '--dump');
    _control($nginx, '--instr=off');
    $client->close;

    my $file = _file($name) . '.' . ++$dumps{$name};
    my ($sum) = slurp($file) =~ /^(?:totals|summary): (\d+)/m
        or die "callgrind wrote no $file\n";

    return int($sum / COUNTED);
}


sub _control {
    my ($nginx, $what) = @_;

    my $out = qx(callgrind_control $what @{[ $nginx->pid ]} 2>&1);
    die "callgrind_control $what: $out\n" if $? != 0;
}


sub _file {
    my ($name) = @_;

    return prefix() . "/logs/callgrind-$name";
}


1;
