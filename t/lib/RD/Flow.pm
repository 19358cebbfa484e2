package RD::Flow;

# Ten megabytes through a tunnel in both directions at once, against sides that
# take nothing until nginx is full of it.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter qw(import);
use IO::Select;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Test::More ();
use Time::HiRes qw(time);

use RD::Place qw(prefix slurp spew wait_until);
use RD::Serve;

our @EXPORT = qw(flow_desktop flows_through);

use constant {
    STREAM  => 10_000_000,      # more than the kernel keeps on the way
    PIECE   => 65536,
    SMALL   => 16384,           # of the buffer of a socket that is not read
    LARGE   => 1_000_000,
    SECONDS => 180,             # with two others beside it: a few
};

my $seed = 7;
my $noise = join '', map { pack 'N', 0xffffffff & ($seed = 1103515245 * $seed
                                                   % 2 ** 31 + 12345) }
                     1 .. PIECE / 4;
my ($to_viewer, $to_desktop) = (_frames(0), _frames(0x80));


# The other end; the port.  It reads once there is the file $go, and writes what
# it heard into $heard.

my ($go, $heard);

sub flow_desktop {
    ($go, $heard) = map { prefix() . "/desktop-$_" } qw(reads heard);

    return serve(\&_desktop);
}


# flows_through($client, $name): an open tunnel to the desktop, greeted

sub flows_through {
    my ($client, $name) = @_;

    my $stuck = 0;
    my $kept = qr/rd loan: kept, to viewer:[1-9]\d* to desktop:[1-9]/;
    my $seconds = SECONDS * RD::Place::slow_factor();
    my $had = $client->{in};

    setsockopt $client->{socket}, SOL_SOCKET, SO_RCVBUF, SMALL;

    # the viewer reads only once nginx holds bytes for both

    my $in = $had . _exchange($client->{socket}, $to_desktop,
        length($to_viewer) - length($had), sub {
            $stuck ||= RD::error_log() =~ $kept;
            spew($go, '') if $stuck && !-e $go;
            return $stuck;
        }, $seconds);

    local $Test::Builder::Level = $Test::Builder::Level + 1;

    Test::More::ok($stuck, "$name: while nobody reads, nginx keeps what is "
                   . 'under way, both ways');
    Test::More::is(length $in, length $to_viewer,
                   "$name: all of it reaches the viewer");
    Test::More::ok($in eq $to_viewer, "$name: byte for byte");
    Test::More::ok(wait_until($seconds, sub { -e $heard }),
                   "$name: the desktop has heard something, too");
    Test::More::is(slurp($heard), sha256_hex($to_desktop),
                   "$name: and all of it, byte for byte");

    unlink $go, $heard;
    $client->{socket}->blocking(1);
    $client->{in} = '';
}


# frames of all sizes; mask: 0x80 where one is wanted, which is all zero

sub _frames {
    my ($mask) = @_;

    my ($stream, $n) = ('', 0);

    while (length $stream < STREAM) {
        my $len = ++$n % 4 ? 7919 * $n % (PIECE - 126) + 126 : $n % 126;

        $stream .= "\x82" . ($len < 126 ? chr($mask | $len)
                             : chr($mask | 126) . pack('n', $len))
                   . ($mask ? "\0" x 4 : '') . substr($noise, 0, $len);
    }

    return $stream;
}


# Sends its stream and reads the other, once reads() says so; what came.

sub _exchange {
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


sub _desktop {
    my ($socket) = @_;

    my $head = '';

    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, SMALL;

    while (sysread $socket, my $byte, 1) {
        $head .= $byte;
        last if $head =~ /\r\n\r\n\z/;
    }

    my $upgrade = upgrade_of($head) // return;

    syswrite $socket, "$upgrade\x82\x0cRFB 003.008\n";

    my $in = _exchange($socket, $to_viewer, length $to_desktop,
                       sub { -e $go }, SECONDS * RD::Place::slow_factor());

    spew("$heard.new", sha256_hex($in));
    rename "$heard.new", $heard;

    # until the other side goes
    $socket->blocking(1);
    1 while sysread $socket, my $bytes, PIECE;
}


1;
