# upstream{} with rd_backend: the peer is what the gate said, kept alive, and
# without the gate's word there is none.

use RD;
use RD::Place qw(free_port);
use RD::Serve;
use RD::Site;

# two desktops that say which connection they were asked on, and one that
# drops an idle connection the moment it is asked again
my ($one, $two) = (free_port(), free_port());
my $drops = serve(sub {
    my ($socket, $n) = @_;

    for my $turn (1 .. 2) {
        while (defined(my $line = <$socket>)) {
            last if $line eq "\r\n";
        }

        return if $turn == 2;
        print $socket "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n$n\n";
    }
});

my $upstream = <<"END";
    upstream desktops {
        rd_backend;
        keepalive 8;
        keepalive_timeout 5s;
    }
END

my $http = $RD::Site::Http . $upstream . join '', map { <<"END" } $one, $two;
    server {
        listen 127.0.0.1:$_;
        location / {
            set \$n \$connection_requests;
            return 200 "port:\$server_port uri:\$request_uri n:\$n\n";
        }
    }
END

my $config = <<'END';
        location ~ ^/web/([0-9]+)(/.*)$ {
            rd_gate $1 http;
            proxy_pass http://desktops$2$is_args$args;
            proxy_set_header Cookie "";     # nginx would log it, ungated
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }

        location /nogate/ {
            proxy_pass http://desktops/;
            proxy_set_header Cookie "";
        }

        location /sub/ {
            auth_request /web/2/sub;
            try_files /nothing =404;
        }

        location ~ ^/elsewhere/([0-9]+)$ {
            rd_gate $1 http;
            try_files /nothing @elsewhere;
        }

        location @elsewhere {
            proxy_pass http://desktops;
        }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    return if defined $block->must_die;

    $block->set_value('http_config', $http) if !defined $block->http_config;
    $block->set_value('config', $config) if !defined $block->config;
    $block->set_value('redis', ready_session(2, $one) . ready_session(3, $two)
                               . ready_session(4, $drops)
                               . ready_session(5, free_port()));
});
add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/);

$ENV{TEST_NGINX_ONE} = $one;
$ENV{TEST_NGINX_TWO} = $two;

plan('no_plan');
run_tests();


# ---- many requests, two players ----------------------------------------------

my %visitor = (2 => visitor('ada'), 3 => visitor('bob'));
my (%ports, %last);

for my $n (1 .. 10) {
    for my $user (2, 3) {
        my $res = http("GET /web/$user/$n", visitor => $visitor{$user});
        my ($port, $turn) = $res->{body} =~ /^port:(\d+) .* n:(\d+)$/;

        $ports{$user}{$port // $res->{code}}++;
        $last{$user} = $turn;
    }
}

is_deeply(\%ports, { 2 => { $one => 10 }, 3 => { $two => 10 } },
          'twenty requests of two players, each at his own desktop');
ok($last{2} >= 10 && $last{3} >= 10,
   'all of one desktop went over one connection that was kept');

__DATA__

=== TEST 1: a second rd_backend is refused
--- http_config
upstream u { rd_backend; rd_backend; }
--- config
location / { proxy_pass http://u; }
--- must_die
--- error_log
"rd_backend" directive is duplicate


=== TEST 2: servers beside it are refused, before
--- http_config
upstream u { server 127.0.0.1:1; rd_backend; }
--- config
location / { proxy_pass http://u; }
--- must_die
--- error_log
"rd_backend" directive may not stand beside "server"


=== TEST 3: and after
--- http_config
upstream u { rd_backend; server 127.0.0.1:1; }
--- config
location / { proxy_pass http://u; }
--- must_die
--- error_log
"rd_backend" may not stand beside "server" in upstream "u"


=== TEST 4: keepalive in front of it would be lost
--- http_config
upstream u { keepalive 8; rd_backend; }
--- config
location / { proxy_pass http://u; }
--- must_die
--- error_log
"rd_backend" directive must stand before "keepalive"


=== TEST 5: a zone has no peers to share
--- http_config
upstream u { zone z 64k; rd_backend; }
--- config
location / { proxy_pass http://u; }
--- must_die
--- error_log
"rd_backend" may not stand beside "zone" in upstream "u"


=== TEST 6: the owner reaches his desktop, path and arguments with him
--- visitor: ada
--- request
GET /web/2/some/file?a=1&b=%2F
--- response_body_like eval
qr{^port:$ENV{TEST_NGINX_ONE} uri:/some/file\?a=1&b=%2F n:1$}
--- error_log
rd upstream: peer chosen


=== TEST 7: another player his own
--- visitor: bob
--- request
GET /web/3/
--- response_body_like eval
qr{^port:$ENV{TEST_NGINX_TWO} }


=== TEST 8: nobody another one's
--- visitor: bob
--- request
GET /web/2/
--- error_code: 403
--- response_body_like: "code":"forbidden"
--- no_error_log
rd upstream: peer chosen


=== TEST 9: an idle connection that has died is tried once more, on a new one
--- visitor: eve
--- request eval
["GET /web/4/", "GET /web/4/"]
--- response_body eval
["1\n", "2\n"]


=== TEST 10: a location without a gate has no backend
--- visitor: ada
--- request
GET /nogate/
--- error_code: 502
--- error_log
rd upstream: refused, the request did not pass a gate, so no desktop is meant


=== TEST 11: nor has a subrequest, which no gate looks at
--- visitor: ada
--- request
GET /sub/
--- error_code: 500
--- error_log
rd upstream: refused, the request did not pass a gate
auth request unexpected status: 502


=== TEST 12: what the gate said is not taken along to another location
--- visitor: ada
--- request
GET /elsewhere/2
--- error_code: 502
--- error_log
rd upstream: refused, the request did not pass a gate


=== TEST 13: headers of a client choose nothing
--- visitor: ada
--- more_headers eval
"X-User-ID: 3\nX-VNC-Host: 127.0.0.1\nX-VNC-Port: $ENV{TEST_NGINX_TWO}\nX-Forwarded-Host: 127.0.0.1:$ENV{TEST_NGINX_TWO}\nX-Accel-Redirect: /web/3/"
--- request
GET /web/2/
--- response_body_like eval
qr{^port:$ENV{TEST_NGINX_ONE} }


=== TEST 14: a desktop that does not answer is asked once
--- visitor: dan
--- request
GET /web/5/
--- error_code: 502
--- grep_error_log eval: qr/connect\(\) failed \(111/
--- grep_error_log_out
connect() failed (111
