package RD::Fuzz;

# Requests nobody would write, made from a seed: the same seed and number give
# the same request.  Each is a list of headers that was bent, put into bytes,
# and bent again; sent in pieces, together with others, and given up anywhere.

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(fuzz_case fuzz_talk fuzz_answers);

# an answer that is on its way comes within this; who waits longer for the rest
# of a request than that is told by our end that there is none
use constant IDLE_SECONDS => 0.3;

# bodies and headers that are too long for what takes them
use constant LONG => (100, 1000, 4_000, 9_000, 40_000);

my @methods = qw(GET GET GET GET POST POST HEAD OPTIONS PUT DELETE PATCH
                 CONNECT TRACE PRI get G);

my @versions = ('HTTP/1.1') x 40;
push @versions, qw(HTTP/1.0 HTTP/0.9 HTTP/2.0 HTTP/1.2 HTTP/1.01 http/1.1
                   HTTP/11 HTTP/1.), '', 'HTTP/1.1 ', 'HTTP/99999999999.1';

my @odd = ("\0", "\r", "\n", "\r\n", "\t", ' ', ':', ';', ',', '=', '"', '%',
           '%00', '%2f', '%2e%2e', '%0d%0aX-Evil:%201', "\r\n X", "\x7f",
           "\xff", "\xc0\xaf", "\xe2\x80\xae", '/', '//', '/../', '/./', '..',
           '\\', '?', '#', '0', '-1', '1e9', '99999999999999999999',
           '18446744073709551618', '{', '}', '[', '\'', '$(id)', "\eP");


my $old = qr/^\S+[ ](?![^\r\n]*HTTP\/\d)[^\r\n]*\r?$/m;


# One request, or several after one another: { bytes, at => [lengths of the
# pieces], end => 'read' | 'cut' | 'reset' }.  option: paths ([path, method or
# "tunnel"]), headers ([name, value] that each request has), more (those it may
# have), bodies, and whole => 1 when no byte may change after it was made.

sub fuzz_case {
    my ($number, $option) = @_;

    srand $number;

    my $n = _one_in(4) ? 2 + int rand 3 : 1;
    my $bytes = join '', map { _request($option) } 1 .. $n;

    if (!$option->{whole}) {
        $bytes = _bend($bytes) while _one_in(4);
    }

    my @at;
    push @at, 1 + int rand(length $bytes || 1) while _one_in(3) && @at < 5;

    my $end = $option->{whole} ? 'read' : _pick(('read') x 7, 'cut', 'reset');

    substr $bytes, int rand(1 + length $bytes), length $bytes, ''
        if $end ne 'read' && _one_in(2);

    return { number => $number, bytes => $bytes, end => $end,
             at => [sort { $a <=> $b } @at] };
}


# Plays cases at the same time, one connection each; in each of them comes
# "in", what came back, and "open" when nginx did not end what we had ended.

sub fuzz_talk {
    my ($port, $seconds, @cases) = @_;

    local $SIG{PIPE} = 'IGNORE';

    my $select = IO::Select->new;
    my $deadline = time + $seconds;
    my %of;

    for my $case (@cases) {
        my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
            Timeout => $seconds) or die "nginx takes no connection: $!\n";

        my $from = 0;
        $case->{in} = '';
        $case->{last} = time;

        for my $to (@{ $case->{at} }, length $case->{bytes}) {
            $socket->send(substr $case->{bytes}, $from, $to - $from)
                if $to > $from;
            $from = $to;
        }

        if ($case->{end} ne 'read') {
            setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
                if $case->{end} eq 'reset';
            close $socket;
            next;
        }

        $of{fileno $socket} = $case;
        $select->add($socket);
    }

    while ($select->count && time < $deadline) {
        for my $socket ($select->can_read(IDLE_SECONDS / 4)) {
            my $case = $of{fileno $socket};

            $case->{last} = time;

            if (!sysread $socket, $case->{in}, 65536, length $case->{in}) {
                $select->remove($socket);
                close $socket;
            }
        }

        for my $socket ($select->handles) {
            my $case = $of{fileno $socket};

            if (!$case->{ended} && time > $case->{last} + IDLE_SECONDS) {
                $case->{ended} = 1;
                shutdown $socket, 1;
            }
        }
    }

    for my $socket ($select->handles) {
        $of{fileno $socket}{open} = 1;
        close $socket;
    }
}


# What came back as answers: ({ code, head, body }, ...), and a complaint when
# it is no row of HTTP responses.

sub fuzz_answers {
    my ($case) = @_;

    my $in = $case->{in};
    my @answers;

    while (length $in) {

        # a request without a version has an answer without a head (HTTP/0.9)
        if ($in !~ /\AHTTP\// && $case->{bytes} =~ $old) {
            my ($code) = $in =~ /<title>(\d{3}) /;
            push @answers, { code => $code // 0, head => '', body => $in };
            last;
        }

        $in =~ s{\A(HTTP/1\.[01]\ ([1-5]\d\d)\ [^\r\n\0]*\r\n
                    (?:[A-Za-z0-9-]+:\ [^\r\n\0]*\r\n)*)\r\n}{}x
            or return (\@answers, 'a head that is none');

        my $answer = { head => $1, code => $2, body => '' };
        push @answers, $answer;

        if ($answer->{code} == 101) {
            $answer->{body} = $in;
            last;
        }

        next if $answer->{code} =~ /^(?:1|204|304)/;

        if ($answer->{head} =~ /^Transfer-Encoding: chunked\r$/m) {
            $answer->{body} .= substr $1, 0, hex($2) + length($2) + 4
                while $in =~ /\A(([0-9a-f]+)\r\n.*)/s && hex $2
                      && length $in >= hex($2) + length($2) + 4
                      && substr $in, 0, hex($2) + length($2) + 4, '';

            # the end of a stream that we ended is missing
            $in =~ s/\A0\r\n\r\n// || ($in = '');

        } elsif ($answer->{head} =~ /^Content-Length: (\d+)\r$/m) {
            next if $in eq '' || $in =~ /\AHTTP\/1/;    # an answer to HEAD

            # we may have gone in the middle of it
            return (\@answers, $case->{ended} ? '' : 'a body that is cut off')
                if length $in < $1;
            $answer->{body} = substr $in, 0, $1, '';

        } else {
            $answer->{body} = $in;
            last;
        }
    }

    return (\@answers, '');
}


# ---- how a request is made ---------------------------------------------------

sub _request {
    my ($option) = @_;

    my $method = _pick(@methods);
    my @headers = map { [@$_] } @{ $option->{headers} };
    my ($path, $wanted) = @{ _pick(@{ $option->{paths} }) };
    my $upgrade = $wanted eq 'tunnel';

    $method = $upgrade ? 'GET' : $wanted if !_one_in(6);

    push @headers, ['Upgrade', 'websocket'], ['Connection', 'Upgrade'],
        ['Sec-WebSocket-Version', 13],
        ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==']
        if $upgrade || _one_in(8);

    push @headers, [@{ _pick(@{ $option->{more} }) }] while _one_in(2);
    $path = _bend_path($path) if _one_in(3);
    @headers = _bend_headers(@headers) if _one_in(3);

    my $body = '';

    if ($method =~ /^P/ && $option->{bodies} && !_one_in(4)) {
        $body = _pick(@{ $option->{bodies} });
        $body = _bend($body) if _one_in(2);
        push @headers, ['Content-Length', length $body];
    } elsif (_one_in(8)) {
        $body = _pick('x', '{}', '0', '5', "5\r\nhello\r\n0\r\n\r\n",
                      "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        push @headers, _pick(['Content-Length', length $body],
            ['Content-Length', length($body) + int(rand 9) - 4],
            ['Content-Length', _pick(@odd)], ['Transfer-Encoding', 'chunked'],
            ['Transfer-Encoding', _pick('xchunked', 'chunked, chunked',
                                        'gzip', ' chunked', "\x0bchunked")]);
    }

    my $line = "$method $path";
    my $version = _pick(@versions);
    $line .= " $version" if length $version;

    return join("\r\n", $line, map({ "$_->[0]: $_->[1]" } @headers), '', '')
           . $body;
}


sub _bend_path {
    my ($path) = @_;

    my $how = int rand 9;

    return "http://localhost$path" if $how == 0;
    return _pick('http://evil.example', 'http://localhost:99999999',
                 'https://[::1', 'ftp://localhost', '//evil.example')
           . $path if $how == 1;
    return $path =~ s{/}{_pick('//', '%2f', '/./', '/x/../', '\\')}er
        if $how == 2;
    return $path =~ s{\d+}{_pick('0', '00002', '-2', '2 ', '1e1', '9' x 20,
                                 '9' x 400, '%32', '2;3', "2\xd9\xa3")}er
        if $how == 3;
    return $path . '?' . _pick('a=b', 'user_id=3', '&' x 50, 'x' x _pick(LONG))
        if $how == 4;
    return $path =~ s{([a-z])}{sprintf '%%%02x', ord $1}egr if $how == 5;
    return '/..' . $path if $how == 6;
    return $path . _pick(@odd) if $how == 7;

    return substr $path, 0, int rand length $path;
}


sub _bend_headers {
    my (@headers) = @_;

    return @headers if !@headers;

    my $i = int rand @headers;
    my ($name, $value) = @{ $headers[$i] };
    my $how = int rand 9;

    if ($how == 0) {            # twice
        push @headers, [$name, $value];
    } elsif ($how == 1) {
        push @headers, [$name, _pick(@odd)];
    } elsif ($how == 2) {
        $headers[$i] = [_pick(uc $name, lc $name, "$name ", " $name",
                              $name =~ tr/-/_/r, "X-$name"), $value];
    } elsif ($how == 3) {
        $headers[$i] = [$name, _bend($value)];
    } elsif ($how == 4) {
        $headers[$i] = [$name, $value . 'x' x _pick(LONG)];
    } elsif ($how == 5) {       # a line that goes on in the next
        $headers[$i] = [$name, "\r\n\t$value"];
    } elsif ($how == 6) {
        push @headers, map { ["X-Many-$_", $_] } 1 .. _pick(30, 300);
    } elsif ($how == 7) {
        splice @headers, $i, 1;
    } else {
        @headers = reverse @headers;
    }

    return @headers;
}


sub _bend {
    my ($bytes) = @_;

    my $at = int rand(1 + length $bytes);
    my $n = 1 + int rand 8;
    my $how = int rand 6;

    substr($bytes, $at, $n) = ''                          if $how == 0;
    substr($bytes, $at, 0) = _pick(@odd)                  if $how == 1;
    substr($bytes, $at, $n) = _pick(@odd)                 if $how == 2;
    substr($bytes, $at, 0) = substr $bytes, $at, 4 * $n   if $how == 3;
    substr($bytes, $at, 0) = chr int rand 256             if $how == 4;

    if ($how == 5 && $at < length $bytes) {
        substr($bytes, $at, 1)
            = substr($bytes, $at, 1) ^ chr(1 << int rand 8);
    }

    return $bytes;
}


sub _one_in { return !int rand $_[0] }
sub _pick   { return $_[rand @_] }


1;
