# The network endpoints of the desktop image keep working, in little memory,
# while a neighbor holds hundreds of connections open.

use RD 'no_plan';
use RD::ImageProgram;
use RD::Place qw(free_port slow_factor slurp);
use RD::Serve;

use IO::Socket::INET;
use JSON::PP qw(encode_json);
use Time::HiRes qw(time);

use constant {
    TOKEN    => 'pLaNtEd8',
    FLOOD    => 500,
    NEW_S    => 3,              # 15 in the image
    SILENCE_S => 4,             # 55 in the image
    BYTES_MAX => 150 * 1024 * 1024,
};

no_module();
planted_secret(TOKEN);
run_tests();

# the X server: greets, checks a response of 16 bytes, then says how many bytes
# have come
my $x = serve(sub {
    my ($socket) = @_;

    print $socket "RFB 003.008\n";
    read $socket, my $version, 12;
    print $socket "\1\2";
    read $socket, my $type, 1;
    print $socket 'challenge-16byte';
    read $socket, my $response, 16;
    return if $response ne 'password-16bytes';
    print $socket "\0\0\0\0";

    while (sysread $socket, my $bytes, 65536) {
        print $socket length($bytes) . ';';
    }
}, many => 1);

my ($web, $rfb, $tty) = map { free_port() } 1 .. 3;

my ($proxy_pid, $proxy_log) = start_image_program('rd-vnc-proxy', port => $web,
    constants => { WEB_PORT => $web, RFB_PORT => $rfb, X_PORT => $x,
                   NEW_S => NEW_S, PING_S => 1, SILENCE_S => SILENCE_S });
my ($tty_pid, $tty_log) = start_image_program('rd-ttyd', port => $tty,
    input => TOKEN . "\n", constants => { PORT => $tty });


# A WebSocket to the endpoint at this port, from this address; undef if it is
# refused.

sub websocket {
    my ($port, $path, $protocol, $from) = @_;

    my $client = client($port, $from) or return;
    my $more = $client->websocket_headers(
        "Host: localhost\nSec-WebSocket-Protocol: $protocol");

    $client->send(RD::Client::compose("GET $path", $more, 'close'));
    my $res = eval { $client->response(10 * slow_factor(), 'GET') };
    return $res && $res->{code} == 101 ? $client : undef;
}

sub client {
    my ($port, $from) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
        LocalAddr => $from // '127.0.0.1', Timeout => 5) or return;
    return bless { socket => $socket, in => '', eof => 0 }, 'RD::Client';
}

# the whole RFB handshake, then a byte and its answer

sub vnc_works {
    my ($from) = @_;

    my $client = websocket($web, '/websockify', 'binary', $from)
        or return 'no WebSocket';

    for my $step (["RFB 003.008\n", 'RFB'], ["\2", '\\\\x01\\\\x02'],
                  ['password-16bytes', 'challenge'], ["\1", '\\\\x00'])
    {
        my $frame = next_data($client);
        return "no answer: $frame" if $frame !~ /^binary $step->[1]/;
        $client->websocket_send('binary', $step->[0]);
    }

    my $frame = next_data($client);
    return $frame eq 'binary 1;' ? ('works', $client) : "no answer: $frame";
}

sub next_data {
    my ($client) = @_;

    while (1) {
        my $frame = $client->websocket_receive(10 * slow_factor());
        return $frame if $frame !~ /^ping/;
    }
}

sub terminal_works {
    my ($from) = @_;

    my $client = websocket($tty, '/ws', 'tty', $from) or return 'no WebSocket';

    $client->websocket_send('text', encode_json({ AuthToken => TOKEN,
                                                  columns => 80, rows => 24 }));
    $client->websocket_send('binary', "0echo a\$((6*7))b\n");

    my ($deadline, $heard) = (time + 20 * slow_factor(), '');

    while (time < $deadline && $heard !~ /a42b/) {
        my $frame = $client->websocket_receive(1);
        return "ended: $frame" if $frame =~ /^(?:close|eof)/;
        $heard .= $frame;
    }

    return $heard =~ /a42b/ ? ('works', $client) : "silence after $heard";
}

# memory of a process and its children, shared pages counted once

sub bytes_of {
    my ($pid) = @_;

    my $kb = 0;
    for my $one ($pid, split ' ', slurp("/proc/$pid/task/$pid/children")) {
        $kb += $1 if slurp("/proc/$one/smaps_rollup") =~ /^Pss:\s+(\d+)/m;
    }

    return $kb * 1024;
}

sub flood {
    my ($port, $bytes) = @_;

    return map {
        my $client = client($port, '127.0.0.9') or die "connect: $!";
        $client->send($bytes);
        $client;
    } 1 .. FLOOD;
}

# how many of these connections the other side has closed

sub closed {
    return scalar grep { $_->fill(0); $_->{eof} } @_;
}


for my $case (
    ['unfinished requests at the WebSocket endpoint', $web,
     "GET / HTTP/1.1\r\n", \&vnc_works, $proxy_pid],
    ['unfinished RFB handshakes at the VNC endpoint', $rfb, 'RFB', \&vnc_works,
     $proxy_pid],
    ['unfinished requests at the terminal', $tty, "GET / HTTP/1.1\r\n",
     \&terminal_works, $tty_pid],
) {
    my ($name, $port, $bytes, $works, $pid) = @$case;

    my @held = flood($port, $bytes);
    my ($result, $client) = $works->();

    is($result, 'works', FLOOD . " $name do not lock the player out");
    cmp_ok(bytes_of($pid), '<', BYTES_MAX, "... and take little memory");
    ok(wait_until(20, sub { closed(@held) == FLOOD }),
       '... and all of them are closed in the end')
        or diag(closed(@held) . ' of ' . FLOOD);

    ($result) = $works->();
    is($result, 'works', '... after which the endpoint works as before');
}


# a client that holds a WebSocket without the password is a new one, too

my @held = map { websocket($web, '/websockify', 'binary', '127.0.0.9') } 1 .. 3;
ok(wait_until(10, sub { closed(@held) == 3 }),
   'a WebSocket without an RFB handshake is closed after its deadline');

my $large = websocket($web, '/websockify', 'binary');
is(next_data($large), 'binary RFB 003.008\\n', 'a WebSocket is greeted');
$large->websocket_send('binary', 'x' x 100_000);
is(next_data($large), 'eof',
     'a large message before the password closes the WebSocket');

my ($result, $player) = vnc_works();
$player->websocket_send('binary', 'y' x 1_500_000);
my $got = 0;
while ($got < 1_500_000) {
    my $frame = next_data($player);
    last if $frame !~ /^binary ([\d;]+)$/;
    $got += $_ for split /;/, $1;
}
is($got, 1_500_000, 'a clipboard of 1.5 MB passes after the password');

# the test's client never answers a ping
ok(wait_until(10, sub { closed($player) }),
   'an established connection without a sign of life is closed');

my ($code, $files) = (client($web), 0);
$code->send("GET /vnc.html HTTP/1.1\r\nHost: x\r\n\r\n");
like($code->response(10, 'GET')->{code}, qr/^(?:200|404)$/,
     'paths other than /websockify are files of noVNC');

my $escape = client($web);
$escape->send("GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n");
is($escape->response(10, 'GET')->{code}, 404, 'and no other files');

is(slurp($proxy_log), '', 'the proxy logs no error');
is(slurp($tty_log), '', 'nor does the terminal server');

stop_serving();

__DATA__

=== TEST 1: nginx runs without the module
--- config
--- request
GET /nothing
--- error_code: 404
