# What the cache keeps: a warm decision asks nobody, and every change counts at
# once.  CTFd has a Redis of its own here, and two workers share the zone.

use RD 'no_plan';
use RD::Client;
use RD::Place ();
use RD::Serve;
use RD::Site;
use Time::HiRes qw(time);

two_redis();
workers(2);
ctfd_redis('PING');                     # it runs before nginx does

my $desktop = serve_desktop();
my $ada;
my $tag = 'rd:{' . RD::site() . '}:';

$RD::Site::Http .= "    rd_zone rd:1m;\n";
$RD::Site::Config .= $RD::Site::HttpGate;

add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


sub get {
    my ($visitor, $id) = @_;

    return http("GET /http/$id/", visitor => $visitor)->{code};
}


# Word of a change comes over another connection than the change's own answer;
# far less than the five seconds an entry would live without it is "at once".
sub becomes {
    my ($code) = @_;

    return wait_until(1, sub { get($ada, 2) == $code });
}


# how often both servers were asked who somebody is and what he has
sub reads {
    my $n = 0;

    for my $info (redis('INFO', 'commandstats'),
                  ctfd_redis('INFO', 'commandstats'))
    {
        $n += $1 while $info =~ /^cmdstat_(?:get|hgetall):calls=(\d+)/mg;
    }

    return $n;
}


# Asks until an answer came without a read: the entry is there.  Word of an
# earlier change may still be on its way to the other worker, and take it out
# once more.
sub warm {
    my ($visitor, $id) = @_;

    return wait_until(5, sub {
        my $mark = length error_log();
        get($visitor, $id);
        return substr(error_log(), $mark) =~ /decided at once, ok/;
    });
}


$ada = visitor('ada');

ok(wait_until(5, sub {
    my $log = error_log();
    return (() = $log =~ /rd redis \w+ tracking: ready/g) >= 4;
}), 'two workers are told of changes by two servers');


# ---- warm ------------------------------------------------------------------

give_desktop(2, $desktop);

ok(warm($ada, 2), 'a decision is kept');

{
    my ($mark, $reads, @codes);

    ok(wait_until(5, sub {
           ($mark, $reads) = (length error_log(), reads());
           @codes = map { get($ada, 2) } 1 .. 20;
           return reads() == $reads;
       }), 'twenty warm requests cost Redis nothing');

    my $log = substr error_log(), $mark;

    is("@codes", '200 ' x 19 . '200', 'twenty warm requests pass');
    is(scalar(() = $log =~ /decided at once, ok/g), 20, 'all decided at once');
    ok($log !~ /lookup started/, 'nobody was asked');

    my %pids = map { $_ => 1 } $log =~ /(\d+)#\d+: \*\d+ rd access: decided/g;
    ok(%pids >= 1, 'by ' . keys(%pids) . ' worker(s), from one zone');
}

{
    my $bad = { %$ada, cookie => substr($ada->{cookie}, 0, 40) . 'A' x 24 };
    is(get($bad, 2), 401, 'a known session with a forged signature is nobody');
    is(get($ada, 2), 200, 'and the genuine one still somebody');
}


# ---- every change counts at once -------------------------------------------

sub counts {
    my ($name, $change, $code, $back) = @_;

    ok(warm($ada, 2), "$name: warm");
    $change->();
    ok(becomes($code), "$name: $code at once");
    $back->();
    ok(becomes(200), "$name: and back at once");
}

my $session = "${tag}session:" . sprintf '%032x', 2;
my $user = "${tag}user:2";
my $cookie = "flask_cache_session$ada->{sid}";

counts('banned', sub { redis('HSET', $user, 'banned', 1) }, 403,
       sub { redis('HSET', $user, 'banned', 0) });

counts('unverified', sub { redis('HSET', $user, 'verified', 0) }, 403,
       sub { redis('HSET', $user, 'verified', 1) });

counts('not ready', sub { redis('HSET', $session, 'state', 'starting') }, 409,
       sub { redis('HSET', $session, 'state', 'ready') });

counts('stopping', sub { redis('HSET', $session, 'state', 'stopping') }, 410,
       sub { redis('HSET', $session, 'state', 'ready') });

counts('no owner', sub { redis('DEL', "${tag}owner:2") }, 410,
       sub { redis('SET', "${tag}owner:2", sprintf '%032x', 2) });

counts('over', sub { redis('HSET', $session, 'expires_ms', 1) }, 410,
       sub { redis('HSET', $session, 'expires_ms',
                   int(1000 * time) + 3600_000) });

my $value = ctfd_redis('GET', $cookie);

counts('logged out', sub { ctfd_redis('DEL', $cookie) }, 401,
       sub { ctfd_redis('SETEX', $cookie, 600, $value) });

counts('anonymous', sub {
    ctfd_redis('SETEX', $cookie, 600, RD::Visitor::session_json(nonce => 'n'))
}, 401, sub { ctfd_redis('SETEX', $cookie, 600, $value) });

counts('somebody else', sub {
    ctfd_redis('SETEX', $cookie, 600,
               RD::Visitor::session_json(nonce => 'n', id => 3))
}, 403, sub { ctfd_redis('SETEX', $cookie, 600, $value) });

my $hash = redis('HGET', $user, 'hash');

counts('id used again', sub { redis('HSET', $user, 'hash', 'f' x 40) }, 401,
       sub { redis('HSET', $user, 'hash', $hash) });

counts('all forgotten', sub { redis('FLUSHALL') }, 404, sub {
    give_desktop(2, $desktop);
    redis('HSET', $user, 'hash', $hash);
});

counts('all logged out', sub { ctfd_redis('FLUSHALL') }, 401,
       sub { ctfd_redis('SETEX', $cookie, 600, $value) });


# ---- the clock -------------------------------------------------------------

ok(wait_until(5, sub {
       redis('HSET', $session, 'expires_ms', int(1000 * time) + 3000);
       my $mark = length error_log();
       get($ada, 2) for 1 .. 5;
       return substr(error_log(), $mark) =~ /decided at once, ok/;
   }), 'three seconds are left');
ok(wait_until(4, sub { get($ada, 2) == 410 }),
   'an entry that is kept is over in time');
redis('HSET', $session, 'expires_ms', int(1000 * time) + 3600_000);


# ---- the one who tells is gone ---------------------------------------------

ok(warm($ada, 2), 'warm again');

for my $client (split /\n/, redis('CLIENT', 'LIST')) {
    redis('CLIENT', 'KILL', 'ID', $1)
        if $client =~ /^id=(\d+).* flags=\S*[Pt]/;
}

redis('HSET', $user, 'banned', 1);
ok(becomes(403), 'without word of changes Redis is asked');
redis('HSET', $user, 'banned', 0);
ok(wait_until(5, sub { error_log() =~ /own tracking: connection lost/ }),
   'the loss is said');
ok(warm($ada, 2), 'and when it is back things are kept again');


# ---- two of a kind ---------------------------------------------------------

{
    my @codes;

    # they share one if word of the change comes before they do, and the last
    # of them before Redis goes on
    ok(wait_until(10, sub {
           @codes = twelve();
           return error_log() =~ /rd session: lookup shared, user:2/;
       }), 'twelve at once for a cold desktop share a call to Redis');
    is("@codes", '200 ' x 11 . '200', 'and pass');
}

sub twelve {
    my @clients = map { RD::Client->connect($RD::ServerPort, 5) } 1 .. 12;
    my $more = RD::Visitor::headers($ada, 'GET');

    redis('HSET', $session, 'step', 'ready');
    redis('CLIENT', 'PAUSE', 300);

    $_->send(RD::Client::compose('GET /http/2/', $more, 'close')) for @clients;

    return map { $_->response(RD::Place::patience(5), 'GET')->{code} } @clients;
}


stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
