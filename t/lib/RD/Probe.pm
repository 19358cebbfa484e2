package RD::Probe;

# For suites that look at one room of src/ through the test-only module of
# t/module: builds it, loads it instead of the real one, and makes small
# servers that misbehave.  To be used before RD.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use POSIX ();

use RD::Client;
use RD::Place qw(build_dir free_port top wait_until);

our @EXPORT = qw(serve stop_serving ask answer log_count wait_for_log);

my %child;


BEGIN {
    if (!$ENV{RD_STATIC_MODULE}) {
        my $build = build_dir();

        system(top() . '/tools/build-probe.sh', $build) == 0
            or die "tools/build-probe.sh failed\n";

        $ENV{TEST_NGINX_LOAD_MODULES} = "$build/probe/ngx_rd_probe_module.so";
    }
}


# A server in a process of its own: handler is called with each connection in
# turn, and its number.  Returns the port; late => a file whose coming opens
# it.

sub serve {
    my ($handler, %option) = @_;

    my $port = $option{port} // free_port();
    my $listen = $option{late} ? undef : _listen($port);

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';

        wait_until(60, sub { -e $option{late} }) if $option{late};
        $listen //= _listen($port);

        for (my $n = 1; my $socket = $listen->accept; $n++) {
            $socket->autoflush(1);
            eval { $handler->($socket, $n); 1 } or warn $@;
            close $socket;
        }

        POSIX::_exit(0);
    }

    $child{$port} = $pid;
    return $port;
}


# Ends one server, or all.

sub stop_serving {
    for my $port (@_ ? @_ : keys %child) {
        my $pid = delete $child{$port} or next;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}


# A request that is not waited for; answer() is its response.

sub ask {
    my ($uri) = @_;

    my $client = RD::Client->connect($ENV{TEST_NGINX_SERVER_PORT}, 5);
    $client->send(RD::Client::compose("GET $uri", '', 'close'));

    return $client;
}


sub answer {
    my ($client, $seconds) = @_;

    return $client->response(($seconds // 5) * RD::Place::slow_factor(),
                             'GET')->{body};
}


# How often this stands in error.log.

sub log_count {
    my ($text) = @_;

    my $log = RD::error_log();

    return scalar(() = $log =~ /$text/g);
}


sub wait_for_log {
    my ($text, $count, $seconds) = @_;

    return wait_until($seconds // 5, sub { log_count($text) >= $count });
}


sub _listen {
    my ($port) = @_;

    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
        Proto => 'tcp', Listen => 64, ReuseAddr => 1) || die "port $port: $!";
}


1;
