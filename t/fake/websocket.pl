#!/usr/bin/perl

# websocket.pl PORT: a WebSocket peer for the runner's own tests.  Greets with
# a binary frame, echoes what it gets, answers close with close.  /wrong gives
# a wrong Sec-WebSocket-Accept, /bye ends without a close frame, /plain is no
# WebSocket.  One connection at a time.

use strict;
use warnings;

use Digest::SHA qw(sha1);
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);

use constant GUID => '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

my ($port) = @ARGV or die "usage: websocket.pl PORT\n";

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
    Listen => 8, ReuseAddr => 1) or die "port $port: $!\n";

$SIG{PIPE} = 'IGNORE';

while (my $peer = $listen->accept) {
    serve($peer);
    close $peer;
}


sub serve {
    my ($peer) = @_;

    local $/ = "\r\n\r\n";
    my $head = <$peer> // return;

    my ($path) = $head =~ m{^GET (\S+)};
    my ($key) = $head =~ /^Sec-WebSocket-Key:\s*(\S+)\r$/mi;
    my ($origin) = $head =~ /^Origin:\s*(\S+)\r$/mi;

    if ($path eq '/plain' || !$key) {
        print $peer "HTTP/1.1 426 No\r\nContent-Length: 3\r\n\r\nno\n";
        return;
    }

    $key = 'x' if $path eq '/wrong';
    my $accept = encode_base64(sha1($key . GUID), '');

    print $peer "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        . "Connection: Upgrade\r\nSec-WebSocket-Accept: $accept\r\n\r\n",
        frame(2, "RFB 003.008\n");

    return if $path eq '/bye';

    print $peer frame(1, $origin // 'no origin');

    while (my ($code, $data) = receive($peer)) {
        print $peer frame($code == 9 ? 10 : $code, $data);
        return if $code == 8;
    }
}


sub frame {
    my ($code, $data) = @_;

    my $len = length $data;

    return chr(0x80 | $code)
           . ($len < 126 ? chr $len : $len < 65536 ? pack 'Cn', 126, $len
                                                   : pack 'CQ>', 127, $len)
           . $data;
}


# A client's frame: always masked.

sub receive {
    my ($peer) = @_;

    read($peer, my $two, 2) == 2 or return;
    my ($first, $len) = unpack 'CC', $two;
    return if !($len & 0x80);

    $len &= 0x7f;

    if ($len > 125) {
        my $bytes = $len == 126 ? 2 : 8;
        read($peer, my $more, $bytes) == $bytes or return;
        $len = unpack $bytes == 2 ? 'n' : 'Q>', $more;
    }

    read($peer, my $mask, 4) == 4 or return;
    read($peer, my $data, $len) == $len or return;

    return ($first & 15, $data ^ substr $mask x (1 + $len / 4), 0, $len);
}
