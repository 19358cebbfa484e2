package RD::Client;

# The visitor's side: raw HTTP/1.1 over a socket, and WebSocket frames.

use strict;
use warnings;

use Digest::SHA qw(sha1);
use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(websocket_accept);

# RFC 6455, 1.3
use constant WEBSOCKET_GUID => '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

my %opcode = (text => 1, binary => 2, close => 8, ping => 9, pong => 10);
my %opname = reverse %opcode;


sub connect {
    my ($class, $port, $timeout) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp', Timeout => $timeout)
        or die "connect to 127.0.0.1:$port: $!\n";

    return bless { socket => $socket, in => '', eof => 0 }, $class;
}


# "GET /path", headers and body become the bytes of a request.

sub compose {
    my ($text, $more, $connection) = @_;

    $text =~ s/\A(?:\s*#[^\n]*\n|\s+)+//;

    $text =~ s/\A(\S+)(?:[ \t]+(\S+))?(?:[ \t]+(HTTP\S+))?[ \t]*(?:\r?\n|\z)//
        or die "no request line in --- request\n";
    my ($method, $uri, $version) = ($1, $2 // '/', $3 // 'HTTP/1.1');

    my @more = grep { !/^\s*(?:#|$)/ } split /\r?\n/, $more // '';
    my %given = map { /^([^:\s]+)\s*:/ ? (lc $1 => 1) : () } @more;

    my @head = ("$method $uri $version");
    push @head, 'Host: localhost' if !$given{host};
    push @head, "Connection: $connection" if !$given{connection};
    push @head, map { /^([^:]+?)\s*:\s*(.*)$/ ? "$1: $2" : $_ } @more;

    $text =~ s/\A\s+|\s+\z//g;

    push @head, 'Content-Length: ' . length $text
        if length $text && !$given{'content-length'}
           && !$given{'transfer-encoding'};

    return join("\r\n", @head) . "\r\n\r\n$text";
}


sub send {
    my ($self, $bytes) = @_;

    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $n = syswrite $self->{socket}, $bytes;
        return 0 if !defined $n;
        substr $bytes, 0, $n, '';
    }

    return 1;
}


sub close {
    my ($self) = @_;

    close $self->{socket};
}


# Reads once; 0 at the end of time or of the connection.

sub fill {
    my ($self, $deadline) = @_;

    return 0 if $self->{eof};

    my $left = $deadline - time;
    $left = 0 if $left < 0;

    return 0 if !IO::Select->new($self->{socket})->can_read($left);

    my $n = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
    return $n if $n;

    $self->{eof} = 1;
    return 0;
}


# One response: { code, headers (raw text), header => {name => value}, body,
# complete }.  Whole when its framing says so, or when the peer closes.

sub response {
    my ($self, $timeout, $method) = @_;

    my $deadline = time + $timeout;

    1 while $self->{in} !~ /\r\n\r\n/ && $self->fill($deadline);

    my $res = { code => '', headers => '', header => {}, body => '',
                complete => 0 };

    if ($self->{in} !~ s/\A(.*?\r\n)\r\n//s) {

        # HTTP/0.9, or nothing at all
        $res->{body} = $self->{in};
        $self->{in} = '';
        return $res;
    }

    $res->{headers} = $1;
    ($res->{code}) = $1 =~ /\AHTTP\/\d\.\d (\d{3})\b/;
    $res->{code} //= '';

    for ($res->{headers} =~ /^([^:\r\n]+:[^\r\n]*)/mg) {
        my ($name, $value) = /^([^:]+?)\s*:\s*(.*?)\s*$/;
        my $known = \$res->{header}{lc $name};
        $$known = defined $$known ? "$$known, $value" : $value;
    }

    return $self->response($deadline - time, $method)
        if $res->{code} =~ /^1/ && $res->{code} != 101;

    if ($res->{code} =~ /^(?:101|204|304)$/ || ($method // '') eq 'HEAD') {
        $res->{complete} = 1;

    } elsif (lc($res->{header}{'transfer-encoding'} // '') eq 'chunked') {
        $self->_chunked($res, $deadline);

    } elsif (defined(my $len = $res->{header}{'content-length'})) {
        1 while length $self->{in} < $len && $self->fill($deadline);
        $res->{body} = substr $self->{in}, 0, $len, '';
        $res->{complete} = length $res->{body} == $len;

    } else {
        1 while $self->fill($deadline);
        $res->{body} = $self->{in};
        $self->{in} = '';
        $res->{complete} = $self->{eof};
    }

    return $res;
}


sub _chunked {
    my ($self, $res, $deadline) = @_;

    while (1) {
        if ($self->{in} =~ s/\A0[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n//) {
            $res->{complete} = 1;
            return;
        }

        if ($self->{in} =~ /\A([0-9a-fA-F]+)[^\r\n]*\r\n/
            && hex $1
            && length $self->{in} >= length($&) + hex($1) + 2)
        {
            substr $self->{in}, 0, length $&, '';
            $res->{body} .= substr $self->{in}, 0, hex $1, '';
            substr $self->{in}, 0, 2, '';
            next;
        }

        next if $self->fill($deadline);

        # cut off in a chunk: what came is shown
        $self->{in} =~ s/\A[0-9a-fA-F]+[^\r\n]*\r\n//;
        $res->{body} .= $self->{in};
        return;
    }
}


# The headers that turn a GET into a WebSocket handshake (RFC 6455, 4.1);
# those the test itself gave are left alone.

sub websocket_headers {
    my ($self, $more) = @_;

    my $random = join '', map { chr int rand 256 } 1 .. 16;
    $self->{key} = encode_base64($random, '');

    my ($host) = ($more // '') =~ /^Host:\s*(\S+)/mi;

    my @own = (
        ['Upgrade', 'websocket'],
        ['Connection', 'Upgrade'],
        ['Sec-WebSocket-Key', $self->{key}],
        ['Sec-WebSocket-Version', 13],
        ['Sec-WebSocket-Protocol', 'binary'],
        ['Origin', 'http://' . ($host // 'localhost')],
    );

    return join "\n", $more // '',
           map { "$_->[0]: $_->[1]" }
           grep { ($more // '') !~ /^\Q$_->[0]\E\s*:/mi } @own;
}


sub websocket_accepted {
    my ($self, $res) = @_;

    return $res->{code} eq '101'
           && ($res->{header}{'sec-websocket-accept'} // '')
              eq websocket_accept($self->{key});
}


# what a server says that was asked with this key

sub websocket_accept {
    my ($key) = @_;

    return encode_base64(sha1($key . WEBSOCKET_GUID), '');
}


sub websocket_send {
    my ($self, $name, $data) = @_;

    my $len = length $data;
    my $mask = join '', map { chr int rand 256 } 1 .. 4;

    my $head = chr(0x80 | $opcode{$name});
    $head .= $len < 126 ? chr(0x80 | $len)
           : $len < 65536 ? chr(0x80 | 126) . pack('n', $len)
           : chr(0x80 | 127) . pack('Q>', $len);

    my $masked = $data ^ substr($mask x (1 + $len / 4), 0, $len);

    return $self->send($head . $mask . $masked);
}


# The next frame as a line of text: kind and data, "eof", or "silence".

sub websocket_receive {
    my ($self, $timeout) = @_;

    my $deadline = time + $timeout;

    while (1) {
        if (length $self->{in} >= 2) {
            my ($first, $len) = unpack 'CC', $self->{in};
            my $at = 2;

            if ($len == 126 && length $self->{in} >= 4) {
                ($len, $at) = (unpack('x2n', $self->{in}), 4);

            } elsif ($len == 127 && length $self->{in} >= 10) {
                ($len, $at) = (unpack('x2Q>', $self->{in}), 10);
            }

            if (($len < 126 || $at > 2) && length $self->{in} >= $at + $len) {
                substr $self->{in}, 0, $at, '';
                my $data = substr $self->{in}, 0, $len, '';
                return _frame_text($first & 15, $data);
            }
        }

        next if $self->fill($deadline);
        return $self->{eof} ? 'eof' : 'silence';
    }
}


sub _frame_text {
    my ($code, $data) = @_;

    my $name = $opname{$code} // "opcode-$code";

    if ($name eq 'close') {
        return 'close' if length $data < 2;
        my ($status, $reason) = unpack 'na*', $data;
        return "close $status" . (length $reason ? " $reason" : '');
    }

    $data =~ s/\\/\\\\/g;
    $data =~ s/\n/\\n/g;
    $data =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;

    return length $data ? "$name $data" : $name;
}


1;
