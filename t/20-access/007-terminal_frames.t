# The terminal server of the image (rd-ttyd) and clients that mean no good:
# each is closed with a clear code, and no shell or file stays open; directly
# and through the gate.

use RD 'no_plan';
use RD::ImageProgram;
use RD::Place qw(free_port slow_factor slurp);
use RD::Site;

use IO::Socket::INET;
use JSON::PP qw(encode_json);
use Time::HiRes qw(time);

use constant { TOKEN => 'pLaNtEd8', SECONDS => 20 };

my $port = free_port();

my ($pid, $log) = start_image_program('rd-ttyd', port => $port,
    input => TOKEN . "\n", constants => { PORT => $port });

# a host that refuses at once: nothing is under way when nginx ends
$RD::Site::Hosts =~ s/192.0.2.1/127.0.0.1\n    port: 1/;

add_block_preprocessor(sub {
    $_[0]->set_value('redis', ready_session(2, 1, terminal_port => $port));
});
add_block_preprocessor(\&RD::Site::preprocess);
planted_secret(TOKEN);
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:warn|story|host|sweep|rate|queue)/);
run_tests();

my $ada = visitor('ada');


# ---- a client ----------------------------------------------------------------

# connected to the server, or to it through the gate, and nothing said yet

sub meet {
    my ($through) = @_;

    my $client = RD::Client->connect($through ? $RD::ServerPort : $port, 5);
    my $more = $client->websocket_headers("Host: localhost\n"
        . "Sec-WebSocket-Protocol: tty\n"
        . ($through ? RD::Visitor::headers($ada, 'GET') : ''));
    my $path = $through ? '/remote-desktop/terminal/2/ws' : '/ws';

    $client->send(RD::Client::compose("GET $path", $more, 'close'));
    $client->{code} = $client->response(SECONDS * slow_factor(), 'GET')->{code};
    return $client;
}

# ... who has shown the token

sub login {
    my ($through) = @_;

    my $client = meet($through);
    $client->websocket_send('text', encode_json({ AuthToken => TOKEN,
        columns => 80, rows => 24 }));
    return $client;
}

# what the shell says until it matches, or how the connection ended

sub hear {
    my ($client, $expected) = @_;

    my $deadline = time + SECONDS * slow_factor();
    my $heard = '';

    while (time < $deadline) {
        my $frame = $client->websocket_receive(1);

        return $frame if $frame =~ /^(?:close|eof)/;
        $heard .= $1 if $frame =~ /^binary 0(.*)/;
        return 'heard' if defined $expected && $heard =~ $expected;
    }

    return "silence after $heard";
}

# the answer to a ping, whatever the shell says before it

sub pong {
    my ($client) = @_;

    my $deadline = time + SECONDS * slow_factor();

    while (time < $deadline) {
        my $frame = $client->websocket_receive(1);
        return $frame if $frame =~ /^(?:pong|close|eof)/;
    }

    return 'silence';
}

# the shell's own arithmetic: what was typed alone does not say it

sub works {
    my ($client) = @_;

    $client->websocket_send('binary', "0echo a\$((6*7))b\n");
    return hear($client, qr/a42b/);
}

sub frame {
    my ($first, $data, %is) = @_;

    my $n = $is{length} // length $data;
    my $size = $is{size} // ($n < 126 ? 0 : $n < 65536 ? 2 : 8);
    my $bit = $is{bare} ? 0 : 0x80;

    return chr($first) . chr($bit | ($size == 0 ? $n : $size == 2 ? 126 : 127))
           . ($size == 2 ? pack 'n', $n : $size == 8 ? pack 'Q>', $n : '')
           . ($is{bare} ? '' : "\0\0\0\0") . $data;
}


# ---- honest ones -------------------------------------------------------------

for my $through (0, 1) {
    my $where = $through ? 'through the gate' : 'directly';
    my $client = login($through);

    is($client->{code}, 101, "$where: a client is met");
    is(works($client), 'heard', "$where: and has a shell");

    $client->send(frame(0x02, '0echo ') . frame(0x89, 'are you there')
                  . frame(0x00, 'c$((5*5))') . frame(0x80, "d\n"));
    is(pong($client), 'pong are you there',
       "$where: a ping between fragments is answered") if !$through;
    is(hear($client, qr/c25d/), 'heard', "$where: and the fragments are one");

    $client->send($_) for split //, frame(0x82, "0echo e\$((3*3))f\n");
    is(hear($client, qr/e9f/), 'heard', "$where: bytes may come one by one");

    $client->websocket_send('close', pack 'n', 1000);
    is(hear($client), 'close 1000', "$where: a farewell is answered");
    $client->close;
}


# ---- frames that are none ----------------------------------------------------

my @frames = (
    ['a frame without a mask',     1002, frame(0x82, '0x', bare => 1)],
    ['a reserved bit',             1002, frame(0xc2, '0x')],
    ['an opcode of data',          1002, frame(0x83, '0x')],
    ['an opcode of control',       1002, frame(0x8b, '')],
    ['a ping in parts',            1002, frame(0x09, 'x')],
    ['a close in parts',           1002, frame(0x08, '')],
    ['a ping of 126 bytes',        1002, frame(0x89, 'x' x 126)],
    ['a ping of 2^63 bytes',       1002, frame(0x89, '', length => 2**62,
                                               size => 8)],
    ['a part of nothing',          1002, frame(0x80, '0x')],
    ['a message in a message',     1002, frame(0x02, '0x') . frame(0x82, '0x')],
    ['64 KB and a byte',           1009, frame(0x82, '0' . 'x' x 65536)],
    ['a size of 2^62',             1009, frame(0x82, '', length => 2**62,
                                               size => 8)],
    ['a size of 2^64 - 1',         1009, "\x82\xff" . "\xff" x 8],
    ['parts of more than 64 KB',   1009, frame(0x02, 'x' x 40_000)
                                         . frame(0x00, 'x' x 40_000)],
    ['a thousand small parts',     1009, frame(0x02, 'x' x 200)
                                         . frame(0x00, 'x' x 100) x 1000],
    ['a close of one byte',        1000, frame(0x88, "\x03")],
    ['a close of 126 bytes',       1002, frame(0x88, 'x' x 126)],
);

for my $case (@frames) {
    my ($name, $code, $bytes) = @$case;

    # nginx that still passes on a long one may learn of the end by its error
    for my $client (meet(), login(), length $bytes < 1000 ? login(1) : ()) {
        $client->send($bytes);
        is(hear($client), "close $code", "$name: $code");
        $client->close;
    }
}


# ---- a token that is none ----------------------------------------------------

for my $hello ('', '{', '[]', 'null', '{}', '[' x 60_000, '{"a":' x 10_000,
               '{"AuthToken":null}', '{"AuthToken":["' . TOKEN . '"]}',
               '{"AuthToken":"' . substr(TOKEN, 0, 7) . '"}',
               '{"AuthToken":"' . TOKEN . '\\u0000"}',
               '{"AuthToken":"\\ud800"}', "\xff\xfe", '1' x 60_000,
               '{"AuthToken":1e999}', "0ls\n")
{
    my $client = meet();
    $client->websocket_send('text', $hello);
    is(hear($client), 'close 1008',
       'no shell for ' . substr($hello =~ s/[^ -~]/?/gr, 0, 24));
    $client->close;
}


# ---- sizes that are none, and too many ---------------------------------------

my $client = login();

for my $size ('', '{', '[]', '{"columns":0,"rows":0}', '{"columns":80}',
              '{"columns":-1,"rows":5}', '{"columns":1001,"rows":5}',
              '{"columns":1e400,"rows":5}', '{"columns":true,"rows":true}',
              '{"columns":"80","rows":"24"}', '{"columns":65616,"rows":5}',
              '[' x 60_000, "\xff", '{"columns":80,"rows":' . '9' x 5000 . '}')
{
    $client->websocket_send('binary', "1$size");
}

$client->websocket_send('binary', "9\0\xff");
$client->websocket_send('binary', "0stty size | tr ' ' x\n");
is(hear($client, qr/24x80/), 'heard', 'a size that is none changes nothing');

$client->websocket_send('binary', '1' . encode_json({ columns => 20 + $_ % 90,
                                                      rows => 10 }))
    for 1 .. 2000;
$client->websocket_send('binary', '1{"columns":77,"rows":11}');
$client->websocket_send('binary', "0stty size | tr ' ' x\n");
is(hear($client, qr/11x77/), 'heard', 'after a storm of sizes the last counts');

$client->send(frame(0x89, 'p' x 100) x 50) for 1 .. 100;
is(works($client), 'heard', 'after a storm of pings it still works');
$client->close;


# ---- who takes nothing, who goes ---------------------------------------------

# pings that nobody reads the answers of, before any token

sub flood {
    my ($client, $bytes) = @_;

    my $sent = 0;
    $client->{socket}->blocking(0);
    local $SIG{PIPE} = 'IGNORE';

    wait_until(SECONDS, sub {
        my $n = syswrite $client->{socket}, $bytes;
        $sent += $n // 0;
        return $sent > 60_000_000 || !defined $n && !$!{EAGAIN};
    });

    return $sent;
}

my $flooder = meet();
my $sent = flood($flooder, frame(0x89, 'p' x 125) x 500);
cmp_ok($sent, '<', 60_000_000,
       'a stranger who only pings is not answered for ever');
$flooder->close;

for my $bytes ('', "\x82", frame(0x82, 'x' x 99, length => 100),
               frame(0x02, '0ls'), "\x82\xfe")
{
    for my $leaver (meet(), login(), login(1)) {
        $leaver->send($bytes);
        $leaver->close;
    }
}

my $stubborn = login();
$stubborn->websocket_send('binary', "0trap '' HUP TERM; echo g\$((4*4))h\n");
is(hear($stubborn, qr/g16h/), 'heard', 'a shell may close its ears');
$stubborn->close;


# ---- nothing is left ---------------------------------------------------------

sub children { return slurp("/proc/$pid/task/$pid/children") }

ok(wait_until(SECONDS, sub { children() !~ /\d/ }),
   'no shell outlives its client') or diag(children());

my @files;
ok(wait_until(SECONDS, sub { (@files = glob "/proc/$pid/fd/*") < 8 }),
   'nor does a file stay open') or diag(map { readlink($_) . "\n" } @files);

my $said = slurp($log);
is($said, '', 'and the server had nothing to complain of');

my $last = login();
is(works($last), 'heard', 'who comes next has a shell');
$last->close;

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
