# What goes into a tunnel comes out of it whole, in both directions at once,
# also when neither side takes anything for a while.

use RD 'no_plan';
use RD::Client;
use RD::Place qw(prefix spew);
use RD::Serve;
use RD::Site;
use RD::Tunnel;

use Digest::SHA qw(sha1 sha256_hex);
use IO::Select;
use MIME::Base64 qw(encode_base64);
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(time);

use constant {
    STREAM => 10_000_000,       # more than the kernel keeps on the way
    PIECE  => 65536,
    SMALL  => 16384,            # of the buffer of a socket that is not read
    LARGE  => 1_000_000,
};

srand 7;

my $noise = join '', map { pack 'N', rand 2 ** 32 } 1 .. PIECE / 4;
my ($to_viewer, $to_desktop) = (frames(0), frames(0x80));

my $go = prefix() . '/desktop-reads';
my $heard = prefix() . '/desktop-heard';

my $desktop = serve(\&desktop);

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last):/);

run_tests();


# frames of all sizes; mask: 0x80 where one is wanted, which is all zero

sub frames {
    my ($mask) = @_;

    my $stream = '';

    while (length $stream < STREAM) {
        my $len = int(rand(4) < 1 ? rand 126 : rand PIECE);

        $stream .= "\x82" . ($len < 126 ? chr($mask | $len)
                             : chr($mask | 126) . pack('n', $len))
                   . ($mask ? "\0" x 4 : '') . substr($noise, 0, $len);
    }

    return $stream;
}


# Sends its stream and reads the other, once reads() says so; what came.

sub exchange {
    my ($socket, $stream, $wanted, $reads, $seconds) = @_;

    my ($in, $sent, $until, $reading) = ('', 0, time + $seconds);
    my $select = IO::Select->new($socket);

    $socket->blocking(0);

    while (time < $until && ($sent < length $stream || length $in < $wanted)) {
        my $more = $sent < length $stream;

        if (!$reading && $reads->()) {
            $reading = 1;
            setsockopt $socket, SOL_SOCKET, SO_RCVBUF, LARGE;
        }

        my ($can_read, $can_write) = IO::Select->select(
            $reading ? $select : undef, $more ? $select : undef, undef, 0.1);

        if ($can_write && @$can_write) {
            $sent += syswrite($socket, $stream, PIECE, $sent) // 0;
        }

        if ($can_read && @$can_read) {
            my $n = sysread $socket, $in, PIECE, length $in;
            last if defined $n && $n == 0;
        }
    }

    return $in;
}


sub desktop {
    my ($socket) = @_;

    my ($head, $line) = ('', '');

    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, SMALL;

    while (sysread $socket, my $byte, 1) {
        $head .= $byte;
        last if $head =~ /\r\n\r\n\z/;
    }

    my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)\r$/mi or return;
    my $accept = encode_base64(
        sha1($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'), '');

    syswrite $socket, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"
        . "\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n"
        . "\x82\x0cRFB 003.008\n";

    my $in = exchange($socket, $to_viewer, length $to_desktop,
                      sub { -e $go }, 60 * RD::Place::slow_factor());

    spew("$heard.new", sha256_hex($in));
    rename "$heard.new", $heard;

    # until the other side goes
    $socket->blocking(1);
    1 while sysread $socket, my $bytes, PIECE;
}


give_desktop(2, $desktop);

my $client = tunnel(visitor('ada'), 2);
my $socket = $client->{socket};

setsockopt $socket, SOL_SOCKET, SO_RCVBUF, SMALL;

my $stuck = 0;
my $kept = qr/rd loan: kept, to viewer:[1-9]\d* to desktop:[1-9]/;

# the viewer reads only once nginx holds bytes for both

my $in = $client->{in} . exchange($socket, $to_desktop,
    length($to_viewer) - length($client->{in}), sub {
        $stuck ||= error_log() =~ $kept;
        spew($go, '') if $stuck && !-e $go;
        return $stuck;
    }, 60 * RD::Place::slow_factor());

ok($stuck, 'while nobody reads, nginx keeps what is under way, both ways');
is(length $in, length $to_viewer, 'all of it reaches the viewer');
ok($in eq $to_viewer, 'byte for byte');

ok(wait_until(60 * RD::Place::slow_factor(), sub { -e $heard }),
   'the desktop has heard something, too');
is(RD::Place::slurp($heard), sha256_hex($to_desktop),
   'and all of it, byte for byte');

$client->close;
stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
