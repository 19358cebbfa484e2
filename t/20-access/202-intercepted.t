# proxy_intercept_errors, which a site may have set for its own pages, gives a
# container no say in what nginx answers.

use RD 'no_plan';
use RD::Browser;
use RD::Place ();
use RD::Serve;
use RD::Site;

my $container = serve(sub {
    my ($socket) = @_;

    my $head = request_head($socket);
    return if $head eq '';

    my ($status) = $head =~ /^X-Status: (\d+)\r$/m;

    print $socket "HTTP/1.1 $status x\r\n"
                  . "WWW-Authenticate: Basic realm=\"cOnTaInErS\"\r\n"
                  . "Content-Length: 4\r\nConnection: close\r\n\r\npage";
}, many => 1);

my $http = $RD::Site::Http . <<'END';
    proxy_intercept_errors on;
END

my $config = <<'END';
        error_page 401 403 404 500 503 /site_page;
        error_page 419 = @inside;

        location = /site_page {
            return 200 "the site's page";
        }

        location @inside {
            return 200 "the site's page";
        }

        include $TEST_NGINX_TOP/conf/desktop.inc;

        location ~ ^/web/([0-9]+)/ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend;
        }

        # not behind a gate: as the site has it
        location /plain/ {
            proxy_pass http://127.0.0.1:CONTAINER;
        }
END

$config =~ s/CONTAINER/$container/;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http);
    $block->set_value('config', $config);
    $block->set_value('redis', ready_session(2, $container,
                                             terminal_port => $container));
});
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:warn|story|host|sweep|rate|queue)/);
serve_pages();
run_tests();

my $ada = visitor('ada');

sub handshake {
    my ($path, $status) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $more = $client->websocket_headers("Host: localhost\n"
        . "X-Status: $status\n" . RD::Visitor::headers($ada, 'GET'));

    $client->send(RD::Client::compose("GET $path", $more, 'Upgrade'));
    my $res = $client->response(RD::Place::patience(5), 'GET');
    $client->close;

    return $res;
}

for my $status (401, 403, 404, 419, 500, 503) {

    for my $path (map { "/remote-desktop/$_" } 'vnc/2/websockify',
                                               'terminal/2/ws')
    {
        my $res = handshake($path, $status);

        is($res->{code}, 502, "$path: a $status is refused as any page is");
        like($res->{body}, qr/"code":"desktop_answer"/, "$path: by name");
        unlike($res->{headers}, qr/cOnTaInErS/, "$path: nothing of it is sent");
    }

    my $res = http('GET /web/2/x', visitor => $ada,
                   more => "X-Status: $status\n");

    is($res->{code}, $status, "a page keeps its status $status");
    is($res->{body}, 'page', 'and its body');
    unlike($res->{headers}, qr/WWW-Authenticate|cOnTaInErS/i,
           'and asks for no password of the site');
}

like(http('GET /plain/', more => "X-Status: 404\n")->{body},
     qr/the site's page/, 'elsewhere the site has its error pages');

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
