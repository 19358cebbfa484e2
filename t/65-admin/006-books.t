# What is written down of sessions and people, for whom, and how much of it:
# the scripts that tell administrators, the gate and the metrics.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;
my ($yes, $no) = (JSON::PP::true(), JSON::PP::false());

# all of the prelude, and a few lines after it
sub prelude {
    my ($lua) = @_;

    my $dir = RD::Place::top() . '/src/redis/lua';
    return redis('EVAL', RD::Place::slurp("$dir/prelude.lua") . $lua, 1, $tag);
}

sub deeds { return grep { $_->{type} eq 'admin_action' } events_are($_[0]) }


# ---- what the driver is given -----------------------------------------------

my $id = a_session(1);
session($id, created_ms => now_ms() - 5000);
my ($p) = @{ dispatch(1, ['h']) };

is($p->[11], 7200, 'an hour and three times twenty minutes at most');
ok($p->[12] >= 5000, 'how long it has waited');
is($p->[13], $id, 'the first session of all names the installation');
is((placed(2))[0] && redis('GET', "${tag}installation"), $id, 'for good');
is(redis('GET', "${tag}last:1"), $id, 'whose it was');
ok(redis('PTTL', "${tag}last:1") > 6 * 86400_000, 'is known for a week');


# ---- what the gate is told --------------------------------------------------

# the switch, and of each who is asked for the first four values

sub find {
    my ($now, $switch, @found) = found(@_);

    like($now, qr/^\d{13}$/, 'the time stands first');

    return [$switch, map { [@$_[0 .. 3]] } @found];
}

is_deeply(find(1), ['on', ['live', '0', $id, 'creating']], 'his session');
redis('HSET', "${tag}user:1", 'banned', '1');
redis('SET', "${tag}switch", 'off');
is_deeply(find(1, 99), ['off', ['live', '1', $id, 'creating'],
                        ['none', '0', '', '']],
          'that he is banned, and all is switched off; of another nothing');
redis('DEL', "${tag}user:1", "${tag}switch");
redis('DEL', "${tag}owner:1");
is_deeply(find(1), ['on', ['last', '0', $id, 'creating']], 'his last one');
redis('DEL', "${tag}session:$id");
is_deeply(find(1), ['on', ['none', '0', '', '']],
          'or none, when its record is gone');


# ---- people -----------------------------------------------------------------

redis('FLUSHALL');
redis('HSET', "${tag}user:3", type => 'admin', hidden => 1, banned => 1);
($id) = ready(3);
my ($plain) = ready(4);

is((events_are($id))[0]{flags}, 'admin,hidden,banned',
   'an event says what is special of him');
is((events_are($plain))[0]{flags}, '', 'of others nothing is');

script('claim', 'f' x 32, 3, 'u', 'u', 'pw', 1, 1, 1, 'docker', 0, 1, 9, 0);
like((events_are($id))[-1]{message}, qr/but already exists$/,
     'that he wanted a second one is told');

script('prolong', a_session(5), 0, 7, 'root');
is(scalar deeds(sprintf '%032x', 5), 0, 'what was refused is no deed');
script('kill', $id, 0, 7, 'root', '1');
my ($deed) = deeds($id);
is($deed->{message}, 'admin root manually killed session for user3', 'this is');
is_deeply($deed->{metadata},
          { action => 'kill', target => 'user3', target_id => 3,
            map { ("target_is_$_" => $yes) } qw(admin hidden banned) },
          'with whom it was done to');

script('switch', 7, 'root', $_) for qw(off on);
is_deeply([map { $_->{metadata}{enabled} } deeds('')], [$no, $yes],
          'the switch is told, off and on');
is(redis('EXISTS', "${tag}switch"), 0, 'on it is');
script('switch', 7, 'root', 'off');
is(redis('EXISTS', "${tag}switch"), 1, 'and off it is not');

my %record = @{ script('story', $plain)->[1] };
is($record{state}, 'ready', 'a story has the record of a desktop');
ok(!exists $record{vnc_password}, 'but not its password');


# ---- who looks --------------------------------------------------------------

redis('FLUSHALL');
($id) = ready(6);
my ($other) = ready(7);
redis('ZADD', "${tag}live", 1, 'e' x 32);

# worker, afresh?, all of its tunnels, those of sessions
sub viewers { return script('viewers', shift, 600_000, @_) }

sub tunnels {
    my ($now, @rows) = @{ script('list', 100) };
    my %of = map { my %row = @$_; ($row{id} => $row{tunnels}) } @rows;
    return \%of;
}

is(viewers('a', '0', 2, $id, 2), 0, 'a worker nobody knows has to say all');
is_deeply(tunnels(), { $id => 0, $other => 0 },
          'what is no session is not listed');
is(viewers('a', '1', 3, $id, 2, $other, 1), 1, 'it does');
is(viewers('b', '1', 4, $id, 4), 1, 'another one, too');
is_deeply(tunnels(), { $id => 6, $other => 1 }, 'together they are');

is(viewers('a', '0', 2, $other, 0), 1, 'one leaves');
is_deeply(tunnels(), { $id => 6, $other => 0 }, 'one less');
is(redis('HEXISTS', "${tag}viewers:a", $other), 0, 'nothing is kept of none');
viewers('a', '1', 1, $other, 1);
is_deeply(tunnels(), { $id => 4, $other => 1 },
          'said afresh, only that counts');
ok(redis('PTTL', "$tag$_") > 0, "$_ ends with its worker")
    for qw(viewers viewers:a);

redis('ZADD', "${tag}viewers", 1, 'b');
is_deeply(tunnels(), { $id => 0, $other => 1 },
          'a worker that is gone has none');
viewers('a', '0', 0);
is(redis('EXISTS', "${tag}viewers"), 0, 'nor is any left with the last');
is(redis('EXISTS', "${tag}viewers:a"), 0, 'of his');

redis('ZREM', "${tag}live", 'e' x 32);
is(scalar(@{ script('list', 1) }), 2, 'one asked for is one, and the time');


# ---- how many ---------------------------------------------------------------

redis('FLUSHALL');
a_session(8);
prelude(<<'END');
for i = 1, 150 do
    redis.call('HSET', session_key('r' .. i), 'state', 'ready')
    redis.call('ZADD', prefix .. 'live', int(now_ms() + i), 'r' .. i)
    redis.call('ZADD', prefix .. 'expiry', int(now_ms() + 9e6), 'r' .. i)
end
END
redis('SADD', "${tag}slots:h", 'x', 'y');
redis('HSET', "${tag}sweep:h", 'last_ok_ms', 77);
redis('ZADD', "${tag}stopping", 1, 'x');
is_deeply(script('census', 'h', 'g'),
          [1, 0, 0, 150, 1, 'unknown', 'active', 2, 77, 'unknown', 'active', 0,
           '0'], 'all are counted, also who is older than all others');


# ---- how much ---------------------------------------------------------------

redis('FLUSHALL');
prelude(<<'END');
for i = 1, 70 do note('x', 'queued') end
for i = 1, 3000 do event('', 'y', 'info', 'z', {}) end
for i = 1, 101000 do redis.call('XADD', prefix .. 'history', '*', 'n', i) end
END
is(redis('LLEN', "${tag}story:x"), 64, 'a story has 64 steps');
my $ttl = redis('PTTL', "${tag}story:x");
ok($ttl > 6 * 86400_000 && $ttl <= 7 * 86400_000, 'for a week');

# Redis takes whole blocks of a stream
my $events = redis('XLEN', "${tag}events");
ok($events >= 2000 && $events < 2200, 'events are some 2,000') or diag($events);
script('stop', a_session(9), 0, 'user_destroyed', 0, 1);
my $rows = redis('XLEN', "${tag}history");
ok($rows >= 100_000 && $rows < 100_200, 'history some 100,000') or diag($rows);

done_with_scripts();
