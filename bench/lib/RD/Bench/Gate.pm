package RD::Bench::Gate;

# What the gate is measured with: a small answer behind an upstream with
# keepalive, and locations that differ in the decision alone.

use strict;
use warnings;

use Exporter qw(import);

use RD::Bench;
use RD::Bench::Nginx;
use RD::Place qw(free_port);

our @EXPORT = qw(backend upstream proxied locations);

my $backend;


# nginx with 109 bytes, on the processor of the load

sub backend {
    return $backend //= RD::Bench::Nginx->start(
        name => 'backend', cpu => 1, module => 0,
        server => '        location / { return 200 "' . 'x' x 108 . '\n"; }');
}


# The upstream, and how a location passes on to it.  The gate takes cookies
# out of a request; so that both send the same bytes, the others do it, too.

sub upstream {
    my $port = backend()->port;

    return "    upstream small {\n        server 127.0.0.1:$port;\n"
         . "        keepalive 200;\n        keepalive_requests 100000000;\n"
         . "    }\n";
}

sub proxied {
    return 'proxy_pass http://small; proxy_http_version 1.1; '
         . 'proxy_set_header Connection ""; proxy_set_header Cookie "";';
}


# /plain/ID/small and /gate/ID/small go to the backend, /bare/ID/small and
# /said/ID/small end here, so that hardly more than the decision is left.  Each
# is in a prefix of its own: nginx tries expressions in the order they stand,
# and the last one would pay for those before it.

sub locations {
    my ($decision) = @_;

    my $proxied = proxied();

    return <<"END";
        location /plain/ { location ~ ^/plain/([0-9]+)/ { $proxied } }
        location /bare/ { location ~ ^/bare/([0-9]+)/ { empty_gif; } }
        location /gate/ { location ~ ^/gate/([0-9]+)/ { $decision $proxied } }
        location /said/ { location ~ ^/said/([0-9]+)/ { $decision empty_gif; } }
END
}


1;
