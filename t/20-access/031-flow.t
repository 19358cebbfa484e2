# What goes into a tunnel comes out of it whole, in both directions at once,
# also when neither side takes anything for a while; in the open, and over TLS.

use RD 'no_plan';
use RD::Flow;
use RD::Place qw(free_port prefix);
use RD::Site;
use RD::Serve;
use RD::Tunnel;

my $tls = free_port();
my $cert = prefix() . '/conf/tls';
my $desktop = flow_desktop();

mkdir prefix() . '/conf';
system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 "
       . "-keyout '$cert.key' -out '$cert.crt' > '$cert.log' 2>&1") == 0
    or die "openssl made no certificate: " . RD::Place::slurp("$cert.log");

# in front of the one that speaks TLS stands a plain one, for our client

$RD::Site::Http .= <<"END";
    server {
        listen 127.0.0.1:$tls ssl;
        server_name localhost;
        ssl_certificate $cert.crt;
        ssl_certificate_key $cert.key;
$RD::Site::Config
    }
END

$RD::Site::Config .= <<"END";
        location /remote-desktop/tls/ {
            proxy_pass https://127.0.0.1:$tls/remote-desktop/vnc/;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_set_header Upgrade \$http_upgrade;
            proxy_set_header Connection upgrade;
            proxy_set_header Origin https://\$http_host;
            error_log /dev/null;        # nginx tells it what it passes on
        }
END

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last):/);

run_tests();

give_desktop(2, $desktop);

my $ada = visitor('ada');

{
    my $client = tunnel($ada, 2);
    flows_through($client, 'in the open');
    $client->close;
}

{
    my $client = tunnel($ada, 2, mode => 'tls/%s/websockify');
    flows_through($client, 'over TLS');

    redis('HSET', 'rd:{' . RD::site() . '}:user:2', 'banned', 1);
    told($client, 'close 4004 banned', 'banned, over TLS');
}

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
