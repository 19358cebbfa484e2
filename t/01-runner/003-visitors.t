# Sessions as CTFd writes them: the known vectors, what its own libraries say
# of ours, and the sections that use them.  On nginx as Debian has it.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);
use Test::More;

use RD::Inner;
use RD::Place qw(build_dir prefix spew top);
use RD::Visitor qw(session_json session_pickle sign uuid);

my $known = 'ctfd-nginx-test-secret-key-0001';

is(sign('00000000-0000-4000-8000-000000000000', $known),
   '00000000-0000-4000-8000-000000000000.L1fltEstb7r2c80Yq0s7GutDb1Y',
   'the signature of the first known cookie');
is(sign('3f8bb1e8-5de3-4205-a3c7-b32865b552c6', $known),
   '3f8bb1e8-5de3-4205-a3c7-b32865b552c6.RVTaQyusA_1yP6YrspESWozOcW8',
   'the signature of the second');

is(unpack('H*', substr session_pickle('x' x 151), 0, 15),
   '218005959b000000000000008c97' . '78', 'a short session, pickled');
is(unpack('H*', substr session_pickle('x' x 256), 0, 17),
   '2180059507010000000000005800010000', 'a longer one');
is(unpack('H*', substr session_pickle('x' x 65536), 0, 8),
   '2180055800000100', 'one too long for a frame');

is(session_json(nonce => 'ab', id => 7, _permanent => 'true'),
   '{"_permanent":true,"id":7,"nonce":"ab"}', 'the JSON: names are sorted');

like(uuid(), qr/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-
                [0-9a-f]{12}$/x, 'a session id is a uuid4');


# CTFd's own libraries read what we write, byte for byte

my $python = build_dir() . '/venv/bin/python';

SKIP: {
    skip 'no build/venv: make deps', 6 if !-x $python;

    my $sid = uuid();
    my @texts = map { session_json(id => 7, nonce => 'f' x $_) } 64, 240, 70000;

    spew(prefix() . '/secret', $RD::Visitor::Secret);
    spew(prefix() . '/peer.py', <<'END');
import base64, sys
from cachelib.serializers import RedisSerializer
from itsdangerous import Signer

secret = open(sys.argv[1], "rb").read()
print(Signer(secret).unsign(sys.argv[2]).decode())
print(Signer(secret).sign(sys.argv[3]).decode())

for line in sys.stdin:
    text, pickled = [base64.b64decode(x) for x in line.split()]
    ours = RedisSerializer().loads(pickled) == text.decode()
    theirs = RedisSerializer().dumps(text.decode()) == pickled
    print("reads" if ours else "misreads", "equal" if theirs else "other")
END

    spew(prefix() . '/texts', join '', map {
        join(' ', map { encode_base64($_, '') } $_, session_pickle($_)) . "\n"
    } @texts);

    my $dir = prefix();
    my @said = split /\n/, `'$python' '$dir/peer.py' '$dir/secret' '@{[
        sign($sid)]}' '$sid' < '$dir/texts'`;

    is($said[0], $sid, 'itsdangerous accepts our signature');
    is($said[1], sign($sid), 'and makes the same');
    is($said[2 + $_], 'reads equal',
       'cachelib reads and writes the same: ' . length($texts[$_]) . ' bytes')
        for 0 .. $#texts;
    is(@said, 2 + @texts, 'nothing else was said');
}


# ---- the sections ------------------------------------------------------------

my $run = passes('visitors in blocks', <<'END');
use RD 'no_plan';
no_module();
two_redis();
leave_keys(qr/^never/);
run_tests();

my $eve = visitor('eve banned stale');
is(redis('HGET', 'rd:{test}:user:4', 'banned'), 1, 'banned');
isnt(redis('HGET', 'rd:{test}:user:4', 'hash'),
     redis('HGET', 'rd:{test}:user:2', 'hash'), 'stale');
like(ctfd_redis('GET', "flask_cache_session$eve->{sid}"),
     qr/^!\x80\x05.*"id":4,"nonce":"$eve->{nonce}"/s, 'pickled');
like(ctfd_redis('TTL', "flask_cache_session$eve->{sid}"),
     qr/^6047\d\d$|^604800$/, 'seven days');

my $raw = visitor('dan raw anonymous');
is(ctfd_redis('GET', "flask_cache_session$raw->{sid}"),
   qq({"nonce":"$raw->{nonce}"}), 'raw and anonymous');
is(redis('EXISTS rd:{test}:user:5'), 0, 'nobody has no record');

my $gone = visitor('bob gone norecord');
is(ctfd_redis('GET', "flask_cache_session$gone->{sid}"), undef, 'gone');
is(redis('EXISTS rd:{test}:user:3'), 0, 'no record');

isnt(visitor('ada forged')->{cookie} =~ s/.*\.//r,
     RD::Visitor::sign(visitor('ada')->{sid}) =~ s/.*\.//r, 'forged');

is(http('GET /who', visitor => $eve)->{body}, "$eve->{cookie}|\n", 'http()');

eval { visitor('mallory') };
like($@, qr/unknown visitor mallory/, 'an unknown name');
eval { visitor('ada drunk') };
like($@, qr/unknown word for a visitor: drunk/, 'an unknown word');
__DATA__

=== a GET carries the cookie
--- config
location = /who { return 200 "$cookie_session|$http_csrf_token\n"; }
location = /post { return 200 "$http_csrf_token\n"; }
--- visitor: ada
--- request
GET /who
--- response_body_like: ^[0-9a-f-]{36}\.[\w-]{27}\|\n$

=== a POST carries the token too
--- visitor: admin team:3
--- request
POST /post
x
--- response_body_like: ^[0-9a-f]{64}\n$
--- redis_like
HMGET rd:{test}:user:1 name type banned verified team_id => ^admin admin 0 1 3$

=== a POST without it
--- visitor: ada nocsrf
--- request
POST /post
--- response_body eval: "\n"

=== a POST with another one
--- visitor: ada badcsrf
--- request
POST /post
--- response_body_like: ^0{64}\n$

=== nobody
--- visitor: none
--- request
GET /who
--- response_body
|

=== one for each request
--- visitor eval: ['ada', 'none', 'zoe:17']
--- request eval: [('GET /who') x 3]
--- response_body_like eval: ['^[0-9a-f]', '^\|\n$', '^[0-9a-f]']

=== redis_reply_delay
--- redis_reply_delay: 20ms
--- redis_like
HGET rd:{test}:user:17 name => ^zoe$

=== both servers
--- ctfd_redis
SET a 1
--- ctfd_redis_like
GET a => ^1$
--- redis_like
EXISTS a => ^0$
--- redis
DEL a

=== and tidy
--- init: RD::ctfd_redis('DEL a')
--- ctfd_redis_like
EXISTS a => ^0$
END

is(scalar(grep { $_->[1] =~ /^redis_reply_delay|^both servers/ }
          @{ $run->{tests} }), 3, 'blocks without a request are fine');

fails('a visitor nobody knows', <<'END', qr/unknown visitor mallory/);
use RD 'no_plan';
no_module();
run_tests();
__DATA__

=== one
--- config
--- visitor: mallory
--- request
GET /
END

done_testing();
