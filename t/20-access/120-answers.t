# A container decides what its desktop shows, not what nginx, a proxy in front
# or the browser does with the site.  Its bytes reach a visitor only as an HTTP
# response that nginx has parsed.

use RD 'no_plan';
use RD::Browser;
use RD::H2;
use RD::Place qw(free_port prefix slow_factor);
use RD::Serve;
use RD::Site;

# everything a container sends here carries this word
use constant WORD => 'cOnTaInErS-wOrD';

my $answer_file = prefix() . '/answer';

# A container that answers every request with the bytes in a file, %KEY% being
# the accept token; it keeps the connection open as one with keepalive does.
my $container = serve(sub {
    my ($socket) = @_;

    my $head = request_head($socket);
    return if $head eq '';

    my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)\r$/mi;
    my $token = RD::Client::websocket_accept($key // '');

    open my $fh, '<:raw', $answer_file or die "$answer_file: $!";
    local $/;
    my $bytes = <$fh> =~ s/%KEY%/$token/gr;

    print $socket $bytes;
    return if $bytes =~ /^Connection: close\r$/mi;

    IO::Select->new($socket)->can_read(3);
}, many => 1);

my $h2 = free_port();

my $config = <<'END';
        include $TEST_NGINX_TOP/conf/desktop.inc;

        error_page 419 = @inside;

        location /internal/ {
            internal;
            return 200 "internal-secret";
        }

        location @inside {
            return 200 "internal-secret";
        }

        # what an operator may have forgotten: X-Accel-*, Set-Cookie, Upgrade
        location ~ ^/web/([0-9]+)/ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }

        location ~ ^/unbuffered/([0-9]+)/ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend;
            proxy_buffering off;
            proxy_pass_header X-Accel-Redirect;
        }

        location ~ ^/kept/([0-9]+)/ {
            rd_gate $1 http;
            proxy_pass http://desktops;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }

        location ~ ^/socket/([0-9]+)$ {
            rd_gate $1;
            proxy_pass http://$rd_backend/websockify;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }
END

my $http = $RD::Site::Http . <<"END";
    upstream desktops {
        rd_backend;
        keepalive 8;
    }

    server {
        listen 127.0.0.1:$h2 http2;
$config
    }
END

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
my $headers = RD::Visitor::headers($ada, 'GET');

my %shipped = (
    'the desktop of conf/desktop.inc'  => '/remote-desktop/vnc/2/websockify',
    'the terminal of conf/desktop.inc' => '/remote-desktop/terminal/2/ws',
);
my %sockets = (%shipped, 'a gate with the least configuration' => '/socket/2');
my %pages = (
    'a page'                => '/web/2/x',
    'an unbuffered page'    => '/unbuffered/2/x',
    'a page with keepalive' => '/kept/2/x',
);


sub answer_with {
    my ($bytes) = @_;

    open my $fh, '>:raw', $answer_file or die "$answer_file: $!";
    print $fh $bytes;
    close $fh;
}

# All that nginx sends for a request, and for an honest one right behind it on
# the same connection.

sub everything {
    my ($path, %option) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $connection = $option{connection} // 'keep-alive';
    my $version = $option{version} // 'HTTP/1.1';
    my $more = $headers . ($option{more} // '');

    if ($option{websocket}) {
        $more = $client->websocket_headers("Host: localhost\n$more");
        $connection = 'Upgrade';
    }

    $client->send(RD::Client::compose("GET $path $version", $more,
                                      $connection));

    # the answer to the next request may be there before it is asked
    $client->fill(time + 10 * slow_factor());
    $client->send(RD::Client::compose('GET /remote-desktop/api/status',
                                      $headers, 'close'));

    my $deadline = time + 10 * slow_factor();
    1 while $client->fill($deadline);
    $client->close;

    return $client->{in};
}

sub refused {
    my ($all, $name) = @_;

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @heads = $all =~ /^HTTP\/1\.[01] (\d+)/mg;

    ok($all =~ /\AHTTP\/1\.[01] 502 / && @heads == 1
       && $all =~ /^Connection: close\r$/m && index($all, WORD) < 0
       && $all =~ /"code":"desktop_answer"/, $name)
        or diag($all =~ s/([^ -~\n])/sprintf '\\x%02x', ord $1/gre);
}


# ---- what is no response -----------------------------------------------------

my $cookie = 'Set-Cookie: session=' . WORD . '; HttpOnly';
my $upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
              . "Sec-WebSocket-Accept: %KEY%\r\n";
my $whole = "HTTP/1.1 200 OK\r\nContent-Length: " . length(WORD) . "\r\n"
            . "$cookie\r\n\r\n" . WORD;

my @bad = (
    ['a status line in small letters',
     "http/1.1 101 Switching Protocols\r\n$upgrade$cookie\r\n\r\n" . WORD],
    ['a letter before the status line',
     "xHTTP/1.1 101 Switching Protocols\r\n$upgrade$cookie\r\n\r\n" . WORD],
    ['HTTP/0.9 with a whole response as its body', "\n$whole"],
    ['a version that is none', "HTTP/0.9 200 OK\r\n\r\n" . WORD],
    ['no HTTP at all', "\x00\xff" . WORD],
    (map { ["status $_, and a whole response behind it",
            "HTTP/1.1 $_ x\r\nX: y\r\n\r\n$whole" ] }
         qw(100 102 103 199 000 099)),
    ['status 100 that ends, and a whole response behind it',
     "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n$whole"],
    (map { ["status $_", "HTTP/1.1 $_ x\r\nX: y\r\nContent-Length: "
            . length(WORD) . "\r\n\r\n" . WORD] }
         qw(444 494 499 600 999 1000)),
);

for my $case (@bad) {
    my ($what, $bytes) = @$case;

    answer_with($bytes);

    for my $where (sort keys %sockets) {
        refused(everything($sockets{$where}, websocket => 1),
                "$what is refused: $where");
    }

    for my $where (sort keys %pages) {
        refused(everything($pages{$where}), "$what is refused: $where");
    }
}

answer_with("http/1.1 200 OK\r\n$cookie\r\n\r\n" . WORD);
refused(everything('/web/2/x', version => 'HTTP/1.0'),
        'a client of HTTP/1.0 gets a 502, too');

# 204 and 304 have no body, whatever a container sends behind them
for my $status (204, 304) {
    answer_with("HTTP/1.1 $status x\r\n\r\n$whole");

    for my $where (sort keys %pages) {
        my $all = everything($pages{$where});

        ok($all =~ /\AHTTP\/1\.1 $status / && index($all, WORD) < 0,
           "what follows a $status is dropped: $where") or diag($all);
    }
}


# ---- tunnels nobody asked for ------------------------------------------------

my $switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\n"
             . "Connection: Upgrade\r\n$cookie\r\n\r\n" . WORD;

answer_with($switch);

refused(everything($pages{$_}), "an unasked 101 is refused: $_")
    for sort keys %pages;
refused(everything('/web/2/x', connection => 'upgrade',
                   more => "Upgrade: foo\n"),
        'an upgrade to another protocol is refused');
refused(everything('/web/2/x', connection => 'upgrade',
                   more => "Upgrade: websocket\n"),
        'half a WebSocket handshake is refused');

answer_with("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n$cookie\r\n\r\n" . WORD);
refused(everything($sockets{$_}, websocket => 1),
        "a page in answer to a handshake is refused: $_")
    for sort keys %sockets;


# ---- HTTP/2 ------------------------------------------------------------------

my @get = (':method' => 'GET', ':scheme' => 'http', ':authority' => 'localhost',
           cookie => "session=$ada->{cookie}");

for my $case (@bad, ['a 101', $switch]) {
    my ($what, $bytes) = @$case;

    answer_with($bytes);

    my $got = http2_get($h2, @get, ':path' => '/web/2/x', upgrade => 'foo');

    ok($got->{status} eq '502' && index($got->{body}, WORD) < 0
       && !$got->{broken}, "$what is refused over HTTP/2")
        or diag(explain($got));
}


# ---- X-Accel-* ---------------------------------------------------------------

for my $target ('/internal/x', '@inside') {
    for my $status ('101 Switching Protocols', '200 OK', '403 Forbidden') {
        answer_with("HTTP/1.1 $status\r\n$upgrade$cookie\r\n"
                    . "X-Accel-Redirect: $target\r\nContent-Length: 0\r\n\r\n");

        for my $where (sort keys %sockets) {
            my $all = everything($sockets{$where}, websocket => 1);

            ok($all !~ /internal-secret|X-Accel|Set-Cookie/i,
               "$status with X-Accel-Redirect to $target leads nowhere: "
               . $where) or diag($all);
        }

        next if $status =~ /^101/;

        for my $where (sort keys %pages) {
            my $all = everything($pages{$where});

            ok($all !~ /internal-secret|X-Accel|Set-Cookie/i,
               "$status with X-Accel-Redirect to $target leads nowhere: "
               . $where) or diag($all);
        }
    }
}

answer_with("HTTP/1.1 200 OK\r\nX-Accel-Charset: utf-7\r\n"
            . "X-Accel-Limit-Rate: 1\r\nX-Accel-Buffering: no\r\n"
            . "Content-Type: text/html\r\nContent-Length: 4000\r\n\r\n"
            . 'x' x 4000);

my $res = http('GET /web/2/x', visitor => $ada);
is(length $res->{body}, 4000, 'X-Accel-Limit-Rate does not slow a visitor');
unlike($res->{headers}, qr/utf-7|X-Accel/i, 'X-Accel-Charset names no charset');


# ---- whose word a header is --------------------------------------------------

my @site = ('Accept-CH: DPR', 'Access-Control-Allow-Origin: *',
    'Access-Control-Allow-Credentials: true', 'Alt-Svc: h2=":1"',
    'Authentication-Info: a', 'CDN-Cache-Control: public',
    'Edge-Cache-Tag: a', 'Use-As-Dictionary: match="/*"',
    'Netlify-CDN-Cache-Control: public',
    'Vercel-CDN-Cache-Control: public', 'X-Envoy-Degraded: 1',
    'X-Envoy-Immediate-Health-Check-Fail: 1', 'X-LiteSpeed-Location: /internal',
    'X-LiteSpeed-Purge: *',
    'Clear-Site-Data: "*"', 'Critical-CH: DPR', 'Expect-CT: max-age=9',
    'Link: </style.css>; rel=preload', 'NEL: {}', 'Origin-Agent-Cluster: ?1',
    'Proxy-Authenticate: Basic', 'Public-Key-Pins: a',
    'Public-Key-Pins-Report-Only: a', 'Report-To: {}',
    'Reporting-Endpoints: a="/b"', 'Sec-Session-Registration: a',
    'Secure-Session-Challenge: a', 'Service-Worker-Allowed: /',
    'Set-Cookie: session=evil', 'set-cookie2: a=b', 'Set-Login: logged-out',
    'Strict-Transport-Security: max-age=9', 'Surrogate-Control: max-age=9',
    'Upgrade: h2c', 'WWW-Authenticate: Basic realm="CTFd"',
    'X-Accel-Expires: 9', 'X-Sendfile: /etc/passwd');

my @page = ('Cache-Control: max-age=60',
    'Content-Security-Policy: default-src x', 'ETag: "1"',
    'Expires: Thu, 01 Jan 2037 00:00:00 GMT', 'Location: /web/2/y',
    'Refresh: 9', 'Vary: X', 'X-Frame-Options: DENY', 'X-Harmless: yes');

my $lines = join '', map { "$_\r\n" } @site, @page;

sub names {
    return map { lc s/:.*//sr } @_;
}

answer_with("HTTP/1.1 401 Whatever\r\n${lines}Content-Length: 2\r\n\r\nok");

for my $where (sort keys %pages) {
    my $res = http("GET $pages{$where}", visitor => $ada);
    my %got = %{ $res->{header} };

    is($res->{code}, 401, "$where has its status");
    like($res->{body}, qr/\Aok\z/, "$where has its body");
    is_deeply([grep { exists $got{$_} } names(@site)], [],
              "$where says nothing for the site");
    is_deeply([grep { !exists $got{$_} } names(@page)], [],
              "$where keeps what it says about itself");
    like($got{'cache-control'}, qr/max-age=60.*private/,
         "$where is kept by no shared cache");
    unlike($res->{headers}, qr/Whatever/, "$where has nginx's reason phrase");
}

answer_with("HTTP/1.1 101 Whatever\r\n$upgrade"
            . "Sec-WebSocket-Protocol: binary\r\n"
            . "Content-Type: text/html\r\nContent-Length: 9\r\n"
            . "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT\r\n"
            . $lines . "\r\n\x82\x0bRFB 003.008");

for my $where (sort keys %sockets) {
    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $more = $client->websocket_headers("Host: localhost\n$headers");

    $client->send(RD::Client::compose("GET $sockets{$where}", $more,
                                      'Upgrade'));

    my $res = $client->response(10 * slow_factor(), 'GET');
    my %got = map { $_ => 1 } keys %{ $res->{header} };

    # what conf/desktop.inc says itself
    delete @got{qw(content-security-policy x-frame-options expires
                   x-content-type-options referrer-policy cache-control)}
        if $shipped{$where};

    ok($client->websocket_accepted($res), "$where opens");
    is(join(' ', sort keys %got), 'connection date sec-websocket-accept '
       . 'sec-websocket-protocol server upgrade',
       "$where has the headers of a handshake and no others");
    like($client->websocket_receive(10 * slow_factor()), qr/RFB/,
         "$where shows what the container sends then");
    $client->close;
}

ok(nginx()->log(0) =~ /\[warn\] .* rd gate: answer of the desktop refused: /,
   'the log says that answers were refused');

stop_serving($container);

$res = http('GET /web/2/x', visitor => $ada);
is($res->{code}, 502, 'a desktop that is not there is a 502');
like($res->{body}, qr/"code":"desktop_connect"/, 'whose body names the cause');
$res = http('GET /web/2/x', visitor => $ada, more => "Accept: text/html\n");
like($res->{body}, qr/<p>The desktop cannot be reached/, 'also as a page');

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
