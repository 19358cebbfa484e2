use RD::Probe;
use RD 'no_plan';

use RD::Client qw(websocket_accept);
use RD::Place qw(free_port spew);

# What a desktop may answer: a handler gets the socket, the accept that
# belongs to the request, and the number of the connection.

sub desktop {
    my ($name, $handler, %option) = @_;

    my $port = serve(sub {
        my ($socket, $n) = @_;

        my $request = request_head($socket);
        my ($key) = $request =~ /^Sec-WebSocket-Key: (\S+)\r$/m;

        $handler->($socket, websocket_accept($key // ''), $n, $request);
    }, %option);

    return $ENV{"TEST_NGINX_${name}_PORT"} = $port;
}

sub upgrade {
    my ($accept, @more) = @_;

    return join("\r\n", 'HTTP/1.1 101 Switching Protocols',
                'Upgrade: WebSocket', 'Connection: Upgrade',
                "Sec-WebSocket-Accept: $accept", @more) . "\r\n\r\n";
}

# stays until the other side goes

sub hold {
    my ($socket) = @_;

    sysread $socket, my $byte, 1;
}

my $greeting = "RFB 003.008\n";
my $hello = "\x82" . chr(length $greeting) . $greeting;

sub answers_with {
    my ($name, @bytes) = @_;

    desktop($name, sub {
        my ($socket, $accept) = @_;

        for my $bytes (@bytes) {
            (my $text = $bytes) =~ s/<accept>/$accept/;
            print $socket $text;
        }

        hold($socket);
    });
}

answers_with(GOOD => upgrade('<accept>', 'Sec-WebSocket-Protocol: binary')
                     . $hello);
answers_with(PLAIN => upgrade('<accept>'), $hello);
answers_with(PINGING => upgrade('<accept>'), "\x89\x02hi", "\x8a\x00", $hello);
answers_with(PARTS => upgrade('<accept>'), "\x02\x02RF", "\x00\x00",
             "\x80\x02B ");
answers_with(MESSAGES => upgrade('<accept>'), "\x82\x02RF\x82\x04B 00");
answers_with(BAD_GATEWAY => "HTTP/1.1 502 Bad Gateway\r\n"
                            . "Content-Length: 1000\r\n\r\n<html>");
answers_with(WRONG => upgrade('s3pPLMBiTxaQ9kYGzzhZRbK+xOo='), $hello);
answers_with(UNASKED => upgrade('<accept>', 'Sec-WebSocket-Protocol: base64'),
             $hello);
answers_with(MASKED => upgrade('<accept>'), "\x82\x8c....$greeting");
answers_with(RESERVED => upgrade('<accept>'), "\xc2\x0c$greeting");
answers_with(TEXT => upgrade('<accept>'), "\x81\x0c$greeting");
answers_with(OTHER => upgrade('<accept>'), "\x82\x0eSSH-2.0-Server");
answers_with(CLOSING => upgrade('<accept>'), "\x88\x02\x03\xe8");
answers_with(BANNER => $greeting);
answers_with(QUIET => upgrade('<accept>'));

desktop(SHORT => sub {
    my ($socket, $accept) = @_;
    print $socket upgrade($accept);
});

desktop(THIRD => sub {
    my ($socket, $accept, $n) = @_;

    return if $n == 1;
    print $socket "HTTP/1.1 503 Service Unavailable\r\n\r\n" if $n == 2;
    print $socket upgrade($accept) . $hello if $n == 3;
    hold($socket) if $n == 3;
});

desktop(FADING => sub {
    my ($socket, $accept, $n) = @_;

    print $socket "HTTP/1.1 503 Service Unavailable\r\n\r\n" if $n == 1;
    hold($socket) if $n > 1;
});

desktop(ASKED => sub {
    my ($socket, $accept, $n, $request) = @_;

    $request =~ s/^(Sec-WebSocket-Key: )\S{22}==\r$/$1...\r/m;
    spew("$ENV{TEST_NGINX_SERVER_ROOT}/asked", $request);
    print $socket upgrade($accept) . $hello;
    hold($socket);
});

$ENV{TEST_NGINX_SILENT_PORT} = serve(sub {
    1 while sysread $_[0], my $bytes, 4096;
});

my $open = "$ENV{TEST_NGINX_SERVER_ROOT}/open";
desktop(LATE => sub {
    my ($socket, $accept) = @_;
    print $socket upgrade($accept) . $hello;
    hold($socket);
}, late => $open);

$ENV{TEST_NGINX_CLOSED_PORT} = free_port();

add_cleanup_handler(sub { stop_serving() });

my @locations = map {
    my $name = $_;
    "location = /$name { probe_ready 127.0.0.1:\$TEST_NGINX_${name}_PORT"
    . " /websockify 1200ms; }\n"
    . "location = /long/$name { probe_ready 127.0.0.1:"
    . "\$TEST_NGINX_${name}_PORT /websockify?token=1 30s; }\n";
} map { /^TEST_NGINX_(\w+)_PORT$/ && !/REDIS|SERVER_PORT/ ? $1 : () }
  sort keys %ENV;

add_block_preprocessor(sub {
    $_[0]->set_value(config => join '', @locations);
});

run_tests();


is(RD::Place::slurp("$ENV{TEST_NGINX_SERVER_ROOT}/asked"), <<"REQUEST",
GET /websockify?token=1 HTTP/1.1\r
Host: 127.0.0.1:$ENV{TEST_NGINX_ASKED_PORT}\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Protocol: binary\r
Sec-WebSocket-Key: ...\r
\r
REQUEST
   'what a desktop is asked');


# ---- a desktop that comes up while it is waited for ------------------------

{
    my $failed = log_count('rd ready: attempt \d+ failed');
    my $client = ask('/long/LATE');

    ok(wait_for_log('rd ready: attempt \d+ failed', $failed + 5),
       'it is asked again and again');
    spew($open, '');

    my ($attempts) = answer($client, 20) =~ /\Aok attempts:(\d+) \n\z/;
    ok(defined $attempts && $attempts > 5, 'and is ready in the end');
}


# ---- the visitor leaves ----------------------------------------------------

{
    my $failed = log_count('rd ready: attempt \d+ failed');
    my $client = ask('/long/CLOSED');

    ok(wait_for_log('rd ready: attempt \d+ failed', $failed + 2), 'waiting');
    my $cancelled = log_count('rd ready: cancelled');
    $client->close;
    ok(wait_for_log('rd ready: cancelled', $cancelled + 1),
       'a probe that is cancelled in a pause ends');
}

{
    my $client = ask('/long/SILENT');
    my $cancelled = log_count('rd ready: cancelled');

    ok(wait_until(5, sub { RD::Place::slurp('/proc/net/tcp')
        =~ /:@{[sprintf '%04X', $ENV{TEST_NGINX_SILENT_PORT}]} \S+ 01 / }),
       'connected');
    $client->close;
    ok(wait_for_log('rd ready: cancelled', $cancelled + 1),
       'and so does one in the middle of an attempt');
}


# ---- a worker that shuts down waits ----------------------------------------

{
    my $failed = log_count('rd ready: attempt \d+ failed');
    my $client = ask('/CLOSED');

    ok(wait_for_log('rd ready: attempt \d+ failed', $failed + 1),
       'a probe has begun');
    kill QUIT => nginx()->pid;
    like(answer($client, 10), qr/^desktop_timeout /,
         'a worker that shuts down waits for the verdict');
    ok(nginx()->stop, 'and leaves');
}

__DATA__

=== TEST 1: a desktop
--- request
GET /long/GOOD
--- response_body eval
"ok attempts:1 \n"


=== TEST 2: one that names no subprotocol
--- request
GET /long/PLAIN
--- response_body eval
"ok attempts:1 \n"


=== TEST 3: one that pings first
--- request
GET /long/PINGING
--- response_body eval
"ok attempts:1 \n"


=== TEST 4: a greeting in parts
--- request
GET /long/PARTS
--- response_body eval
"ok attempts:1 \n"


=== TEST 5: the third attempt
--- request
GET /long/THIRD
--- response_body eval
"ok attempts:3 \n"


=== TEST 6: one that remembers what it was asked
--- request
GET /long/ASKED
--- response_body eval
"ok attempts:1 \n"


=== TEST 7: a greeting in two messages
--- request
GET /long/MESSAGES
--- response_body eval
"ok attempts:1 \n"


=== TEST 8: nobody listens
--- request
GET /CLOSED
--- response_body_like
^desktop_timeout attempts:\d+ connection refused$
--- no_error_log
[error]


=== TEST 9: silence
--- request
GET /SILENT
--- response_body
desktop_timeout attempts:1 no answer to the WebSocket handshake


=== TEST 10: 502
--- request
GET /BAD_GATEWAY
--- response_body_like
^desktop_timeout attempts:\d+ HTTP status 502$


=== TEST 11: the wrong accept
--- request
GET /WRONG
--- response_body_like
^desktop_timeout attempts:\d+ wrong Sec-WebSocket-Accept$


=== TEST 12: a subprotocol nobody asked for
--- request
GET /UNASKED
--- response_body_like
^desktop_timeout attempts:\d+ another subprotocol than binary$


=== TEST 13: a masked frame
--- request
GET /MASKED
--- response_body_like
^desktop_timeout attempts:\d+ no WebSocket frame$


=== TEST 14: a frame with reserved bits
--- request
GET /RESERVED
--- response_body_like
^desktop_timeout attempts:\d+ no WebSocket frame$


=== TEST 15: text
--- request
GET /TEXT
--- response_body_like
^desktop_timeout attempts:\d+ text where RFB was expected$


=== TEST 16: another protocol
--- request
GET /OTHER
--- response_body_like
^desktop_timeout attempts:\d+ no RFB greeting$


=== TEST 17: a close frame
--- request
GET /CLOSING
--- response_body_like
^desktop_timeout attempts:\d+ closed by the desktop$


=== TEST 18: an RFB server without a WebSocket
--- request
GET /BANNER
--- response_body_like
^desktop_timeout attempts:\d+ no HTTP response: .*


=== TEST 19: a WebSocket that says nothing
--- request
GET /QUIET
--- response_body
desktop_timeout attempts:1 no RFB greeting


=== TEST 20: a WebSocket that ends
--- request
GET /SHORT
--- response_body_like
^desktop_timeout attempts:\d+ connection closed$


=== TEST 21: the last attempt is cut short, and the reason of the one before stays
--- request
GET /FADING
--- response_body
desktop_timeout attempts:2 HTTP status 503
