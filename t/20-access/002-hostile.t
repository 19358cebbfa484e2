# Cookies and sessions nobody honest sends: refused, and nobody falls over.

use RD 'no_plan';
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
run_tests();        # one block: it starts nginx

my $ada = visitor('ada');
my $key = 'flask_cache_session' . ($ada->{cookie} =~ /^([^.]+)/)[0];
my $good = '{"id":2,"nonce":"n","hash":"h"}';

sub code_with_session {
    my ($value) = @_;

    ctfd_redis('SET', $key, $value);
    return http('GET /remote-desktop/api/status', visitor => $ada)->{code};
}

sub pickled { return RD::Visitor::session_pickle($_[0]) }

redis('DEL', 'rd:{test}:user:2');

is(code_with_session(pickled($good)), 200, 'a pickled session is read');
is(code_with_session($good), 200, 'raw JSON is read');

for my $protocol (2, 3, 4, 5) {
    my $value = "!\x80" . chr($protocol) . "X" . pack('V', length $good)
                . $good . ($protocol < 4 ? "q\0." : "\x94.");
    is(code_with_session($value), 200, "protocol $protocol is read");
}

my %hostile = (
    'nothing after the mark'      => '!',
    'another opcode'              => "!\x80\x05K\x01.",
    'a global that would be called'
        => "!\x80\x05cposix\nsystem\n(S'id'\ntR.",
    'two strings'                 => "!\x80\x05\x8c\x01a\x94\x8c\x01b\x94.",
    'a length of four gigabytes'  => "!\x80\x05X\xff\xff\xff\xff" . $good,
    'bytes after the end'         => pickled($good) . 'x',
    'an id of ten to the twenty'  => pickled('{"id":100000000000000000000}'),
    'a negative id'               => pickled('{"id":-1}'),
    'an id that is a fraction'    => pickled('{"id":1.5}'),
    'an id that is a string'      => pickled('{"id":"2"}'),
    'an id that is true'          => pickled('{"id":true}'),
    'an id inside something'      => pickled('{"x":{"id":2}}'),
    'an array'                    => pickled('[{"id":2}]'),
    'JSON cut off'                => pickled('{"id":2'),
    'two JSON values'             => pickled('{"id":2}{"id":2}'),
    'a nonce that is an object'   => pickled('{"id":2,"nonce":{}}'),
    'a nonce of a megabyte'       => pickled('{"id":2,"nonce":"'
                                             . 'n' x 1_000_000 . '"}'),
    'brackets a thousand deep'    => pickled('{"a":' . '[' x 5000 . '}'),
    'a NUL in front'              => "\0" . $good,
    'nothing at all'              => '',
);

for my $name (sort keys %hostile) {
    is(code_with_session($hostile{$name}), 401, "$name is refused");
}

my $whole = pickled($good);

my @wrong = grep {
    code_with_session(substr $whole, 0, $_) != 401
} 0 .. length($whole) - 1;

is("@wrong", '', 'a pickle is refused wherever it is cut');

my ($sid, $mac) = split /\./, $ada->{cookie};
ctfd_redis('SET', $key, $good);

for my $cookie ('', '=', '.', "$sid.", ".$mac", $sid, "$sid.$mac.",
                "$sid..$mac", uc($sid) . ".$mac", "$sid." . uc $mac,
                "$sid.$mac" . 'A' x 4000,
                'x' x 64, '../' x 21 . 'x', "$sid%00.$mac")
{
    my $shown = length $cookie > 80 ? substr($cookie, 0, 12) . '…' : $cookie;
    my $res = http('GET /remote-desktop/api/status',
                   more => "Cookie: session=$cookie");
    is($res->{code}, 401, "the cookie " . ($shown =~ s/[0-9a-f]{8}-.*/a part/r)
                          . " of " . length($cookie) . " bytes is refused");
}

is(http('GET /remote-desktop/api/status',
        more => qq(Cookie: a=b; session="$ada->{cookie}"))->{code}, 200,
   'a quoted value is taken, as CTFd takes it');

__DATA__

=== TEST 1: there is a site
--- request
GET /remote-desktop/api/status
--- error_code: 401
