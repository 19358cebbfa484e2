# Requests that no browser sends: another host, paths in disguise, two requests
# in one, HTTP/2.  Each ends in a clear answer, and none reaches what an honest
# request would not reach.

use RD 'no_plan';
use RD::H2;
use RD::Place qw(free_port);
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop();
my $h2 = free_port();

my $http = $RD::Site::Http . <<"END";
    server {
        listen 127.0.0.1:$h2 http2;
$RD::Site::Config
    }
END

my $config = $RD::Site::Config . <<'END';
        location ~ ^/web/([0-9]+)/(.*)$ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend/fixed;
        }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http);
    $block->set_value('config', $config);
    $block->set_value('redis', ready_session(2, $desktop)
                               . ready_session(3, $desktop));
});
add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:warn|story|host|sweep|rate|queue)/);
run_tests();

my $ada = visitor('ada');
my $bob = visitor('bob');
my $cookie = (RD::Visitor::headers($ada, 'GET') =~ /(Cookie: \S+)/)[0];
my $bobs = (RD::Visitor::headers($bob, 'GET') =~ /(Cookie: \S+)/)[0];


# all answers to these bytes: (code, ...), and the bodies

sub answers {
    my ($bytes, $n) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    $client->send($bytes);

    my @answers = map { $client->response(20, 'GET') } 1 .. $n;
    $client->close;

    return map { $_->{code} } @answers;
}

sub request {
    my ($line, @headers) = @_;

    return join "\r\n", "$line HTTP/1.1", @headers, 'Connection: close', '', '';
}

my @websocket = ('Upgrade: websocket', 'Connection: upgrade',
                 'Sec-WebSocket-Version: 13',
                 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==');

# a handshake that never ends in a tunnel has one answer

sub knock {
    my ($path, @headers) = @_;

    return (answers(join("\r\n", "GET $path HTTP/1.1", @websocket, @headers,
                         '', ''), 1))[0];
}

my $status = '/remote-desktop/api/status';
my $gate = '/remote-desktop/vnc/2/websockify';
my @host = ('Host: localhost', $cookie);
my @honest = (@host, 'Origin: http://localhost');


# ---- another host ------------------------------------------------------------

is(knock($gate, @honest), 101, 'an honest handshake goes in');
is(knock("http://localhost$gate", @honest), 101,
   'also with the host in the request line');
is(knock("http://LOCALHOST:80$gate", 'Host: localhost:80', $cookie,
         'Origin: http://localhost:80'), 101, 'however it is written');

is(knock("http://evil.example$gate", @honest), 400,
   'two hosts in one request are refused');
is(knock("http://localhost.evil.example$gate", @honest), 400,
   'also when one begins like the other');
is(knock("http://local$gate", @honest), 400, 'or is the beginning of it');
is((answers(request("GET http://evil.example$status", @host), 1))[0], 400,
   'by the API, too');
like(http("GET http://evil.example$status", visitor => $ada)->{body},
     qr/"code":"bad_request"/, 'which says so');
is((answers(request("GET $status", @host, 'Host: evil.example'), 1))[0], 400,
   'nginx refuses a second Host');
is((answers(request("GET $status", $cookie), 1))[0], 400, 'and none');
like((answers("CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
              1))[0], qr/^40[05]$/, 'nobody is connected to anything');
ok((answers(request('GET gopher://localhost/'), 1))[0] =~ /^4/,
   'no other scheme is one');


# ---- paths in disguise -------------------------------------------------------

# What nginx reads is what the gate decides on and what is proxied, so a path
# in disguise is the plain one: ada reaches her desktop, bob does not.

for my $path ('/remote-desktop/vnc/2%2Fwebsockify',
              '/remote-desktop/vnc/3/../2/websockify',
              '/remote-desktop/vnc/3%2F..%2F2/websockify',
              '/remote-desktop/vnc/3/%2e%2e/2/websockify',
              '//remote-desktop//vnc//2//websockify',
              '/remote-desktop/./vnc/2/websockify',
              '/remote-desktop/vnc/%32/websockify',
              '/remote-desktop/vnc/2/websockify?/../../3/websockify',
              '/remote-desktop/vnc/2/websockify#/../3/websockify')
{
    is(knock($path, @honest), 101, "$path is the owner's");
    is(knock($path, 'Host: localhost', $bobs, 'Origin: http://localhost'), 403,
       "and not a stranger's");
}

for my $path ('/remote-desktop/vnc/2/websockify/', '/remote-desktop/vnc/2/',
              '/remote-desktop/vnc/2/../websockify',
              '/remote-desktop/vnc/2/websockify%00',
              '/remote-desktop/vnc/2/x/../../../../etc/passwd',
              '/../remote-desktop/vnc/2/websockify', '/%',
              '/remote-desktop/vnc/2%252Fwebsockify')
{
    my $code = knock($path, @honest);
    ok($code =~ /^40[04]$/, "$path is nowhere") or diag($code);
}

is(http('GET /web/2/..%2f..%2fsecret', visitor => $ada)->{code}, 404,
   'no path climbs out of a desktop');
like(http('GET /web/2/a%20b', visitor => $ada)->{body},
     qr{\AGET /fixed HTTP/1\.0\r\n}, 'which is asked for what it was given');
is(http('GET /web/2/a%0d%0aX-Evil:%20yes', visitor => $ada)->{code}, 404,
   'a path with a line feed is nowhere');


# ---- names that are claimed --------------------------------------------------

for my $claim ('X-User-ID: 1', 'X-Forwarded-User: admin',
               'X-Real-IP: 127.0.0.1', 'X-Forwarded-For: 127.0.0.1',
               'X-Forwarded-Host: localhost',
               'Forwarded: for=127.0.0.1;host=localhost',
               'X-Original-URL: /remote-desktop/vnc/3/websockify',
               'X-Rewrite-URL: /remote-desktop/vnc/3/websockify',
               'X-HTTP-Method-Override: POST', 'Remote-User: admin',
               'X-RD-Signature: v1:1:aaaaaaaaaaaaaaaa:1:admin:' . '0' x 64)
{
    is((answers(request("GET $status", 'Host: localhost', $claim), 1))[0], 401,
       "$claim is nobody");
    is(knock($gate, 'Host: localhost', $bobs, 'Origin: http://localhost',
             $claim), 403, 'and opens nothing');
}


# ---- two in one --------------------------------------------------------------

my $hidden = "GET $status HTTP/1.1\r\nHost: localhost\r\n$cookie\r\n\r\n";
my $last = request("GET $status", @host);

is_deeply([answers($hidden . $hidden . $last, 3)], [200, 200, 200],
          'pipelined requests each get their answer');

is_deeply([answers("POST /remote-desktop/api/extend HTTP/1.1\r\n"
                   . "Host: localhost\r\n$cookie\r\nContent-Length: "
                   . length($hidden) . "\r\n\r\n$hidden"
                   . request("GET $status", 'Host: localhost'), 3)],
          [403, 401, ''], 'a request in a body is a body');

is_deeply([answers("POST /remote-desktop/api/extend HTTP/1.1\r\n"
                   . "Host: localhost\r\n$cookie\r\n"
                   . "Transfer-Encoding: chunked\r\n\r\n"
                   . sprintf("%x\r\n", length $hidden) . "$hidden\r\n0\r\n\r\n"
                   . request("GET $status", 'Host: localhost'), 3)],
          [403, 401, ''], 'also in a chunk');

my %smuggle = (
    'two framings'           => "Content-Length: 4\r\n"
                                . 'Transfer-Encoding: chunked',
    'two lengths'            => "Content-Length: 0\r\nContent-Length: 4",
    'a length of two'        => 'Content-Length: 0, 4',
    'a negative length'      => 'Content-Length: -1',
    'a length in hex'        => 'Content-Length: 0x4',
    'a length of 10^20'      => 'Content-Length: 100000000000000000000',
    'two encodings'          => "Transfer-Encoding: chunked\r\n"
                                . 'Transfer-Encoding: chunked',
    'another encoding'       => 'Transfer-Encoding: xchunked',
    'a space before a colon' => 'Transfer-Encoding : chunked',
    'a NUL'                  => "X: a\0b",
    'a line that goes on'    => "X: a\r\n b: c",
);

for my $name (sort keys %smuggle) {
    my @codes = answers("POST /remote-desktop/api/extend HTTP/1.1\r\n"
        . "Host: localhost\r\n$cookie\r\n$smuggle{$name}\r\n\r\n$hidden", 2);

    # nginx refuses most; what it takes has no CSRF token and no second answer
    ok($codes[0] =~ /^(?:400|403|413|501)$/ && $codes[1] !~ /^2/,
       "$name hides no request") or diag("@codes");
}

is((answers("GET $status HTTP/1.1\r\nHost: localhost\r\n$cookie\r\nX: "
            . 'x' x 40_000 . "\r\n\r\n", 1))[0], 400,
   'a header of forty thousand bytes is too long');
is((answers("GET /" . 'x' x 40_000 . " HTTP/1.1\r\n", 1))[0], 414,
   'so is such a path');
is((answers(request("GET $status", 'Host: localhost',
            'Cookie: ' . join('; ', map { "c$_=" . 'x' x 50 } 1 .. 100)
            . "; session=$ada->{cookie}"), 1))[0], 200,
   'a hundred cookies are looked through');


# ---- who leaves at once ------------------------------------------------------

for my $n (1 .. 200) {
    my $client = RD::Client->connect($RD::ServerPort, 5);

    # the end of the second is a reset: nobody is there to take the answer
    setsockopt $client->{socket}, Socket::SOL_SOCKET(), Socket::SO_LINGER(),
               pack('ii', 1, 0);
    $client->send("GET $status HTTP/1.1\r\nHost: localhost\r\n\r\n" x 3);
    $client->close;
}

is((answers($last, 1))[0], 200, 'who resets two hundred times harms nobody');


# ---- HTTP/2 ------------------------------------------------------------------

sub over_http2 {
    my $got = http2_get($h2, @_);
    return "$got->{ended} $got->{body}";
}

my @h2 = (':method' => 'GET', ':scheme' => 'http', ':authority' => 'localhost');
my @who = (cookie => "session=$ada->{cookie}");

like(over_http2(@h2, ':path' => $status, @who), qr/^end \{"session":\{"id"/,
     'the API works over HTTP/2');
like(over_http2(@h2, ':path' => $status, cookie => 'a=b', @who),
     qr/^end \{"session":\{"id"/, 'with the cookies in two headers');
like(over_http2(@h2, ':path' => $status), qr/"code":"login_required"/,
     'not without a cookie');
like(over_http2(':method' => 'POST', @h2[2 .. 5],
                ':path' => '/remote-desktop/api/extend', @who),
     qr/"code":"csrf"/, 'and not without a token');
like(over_http2(@h2, ':path' => $gate, @who, origin => 'http://localhost',
                upgrade => 'websocket', connection => 'upgrade',
                'sec-websocket-version' => '13',
                'sec-websocket-key' => 'dGhlIHNhbXBsZSBub25jZQ=='),
     qr/^(?:reset|end .*"code":"websocket_required")/,
     'a WebSocket asked for over HTTP/2 is none');
like(over_http2(':method' => 'CONNECT', ':protocol' => 'websocket',
                @h2[2 .. 5], ':path' => $gate, @who,
                origin => 'http://localhost'),
     qr/^(?:reset|end .*(?:400|405))/s, 'also the way RFC 8441 has it');
like(over_http2(@h2, ':path' => $status, host => 'evil.example', @who),
     qr/^(?:reset|end .*(?:400|bad_request))/s, 'two hosts are refused');

__DATA__

=== TEST 1: nginx starts, with HTTP/2
--- request
GET /remote-desktop/api/status
--- error_code: 401
