package RD::Probe;

# For suites that look at one room of src/ through the test-only module of
# t/module: builds it, loads it instead of the real one, and makes small
# servers that misbehave.  To be used before RD.

use strict;
use warnings;

use Exporter qw(import);

use RD::Client;
use RD::Place qw(build_dir top wait_until);
use RD::Serve;

our @EXPORT = (@RD::Serve::EXPORT,
               qw(ask answer log_count wait_for_log));

BEGIN {
    if (!$ENV{RD_STATIC_MODULE}) {
        my $build = build_dir();

        system(top() . '/tools/build-probe.sh', $build) == 0
            or die "tools/build-probe.sh failed\n";

        $ENV{TEST_NGINX_LOAD_MODULES} = "$build/probe/ngx_rd_probe_module.so";
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

    return $client->response(RD::Place::patience($seconds // 5),
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

1;
