package RD::H2;

# One request over HTTP/2 without TLS.

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(time);

use RD::Client;
use RD::Place qw(slow_factor);

our @EXPORT = qw(http2_get);

# RFC 7541, appendix A
my %indexed = (8 => 200, 9 => 204, 10 => 206, 11 => 304, 12 => 400, 13 => 404,
               14 => 500);


# http2_get($port, name => value, ...): { status, body, ended }; ended is
# "end", "reset", or "gone" when nginx closes the connection before the end of
# the response.  broken: frames of a kind nginx does not send.

sub http2_get {
    my ($port, @headers) = @_;

    my $client = RD::Client->connect($port, 5);
    my %got = (status => '', body => '', ended => '', broken => 0);
    my $block = '';

    while (my ($name, $value) = splice @headers, 0, 2) {
        $block .= _literal($name, $value);
    }

    $client->send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . _frame(4, 0, 0, '')
                  . _frame(1, 5, 1, $block));

    my $deadline = time + 10 * slow_factor();

    while (!$got{ended}) {
        my ($type, $flags, $payload) = _next($client, $deadline);

        if (!defined $type) {
            $got{ended} = 'gone';
            last;
        }

        $got{broken} = 1 if $type > 9;
        $got{status} ||= _status($payload) if $type == 1;
        $got{body} .= $payload if $type == 0;
        $got{ended} = 'end' if $type <= 1 && $flags & 1;
        $got{ended} = 'reset' if $type == 3 || $type == 7;
    }

    $client->close;
    return \%got;
}


# the next frame: type, flags, payload

sub _next {
    my ($client, $deadline) = @_;

    while (length $client->{in} < 9) {
        $client->fill($deadline) or return;
    }

    my ($high, $low, $type, $flags) = unpack 'CnCC', $client->{in};
    my $length = ($high << 16) + $low;

    while (length $client->{in} < 9 + $length) {
        $client->fill($deadline) or return;
    }

    my $payload = substr $client->{in}, 9, $length;
    substr $client->{in}, 0, 9 + $length, '';

    return ($type, $flags, $payload);
}


# nginx puts :status first, as an index or as three digits

sub _status {
    my ($block) = @_;

    $block =~ s/\A[\x20-\x3f]//;        # a new size of the dynamic table
    my $first = ord $block;

    return $indexed{$first & 0x7f} // '' if $first & 0x80;
    return $block =~ /\A[\x08\x48]\x03(\d{3})/ ? $1 : '';
}


# headers are sent as literals without indexing (RFC 7541, 6.2.2)

sub _literal {
    my ($name, $value) = @_;

    return "\0" . _length(length $name) . $name . _length(length $value)
           . $value;
}


sub _length {
    my ($n) = @_;

    return chr $n if $n < 127;

    $n -= 127;
    my $out = "\x7f";
    while ($n >= 128) { $out .= chr(($n & 127) | 128); $n >>= 7 }

    return $out . chr $n;
}


sub _frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}


1;
