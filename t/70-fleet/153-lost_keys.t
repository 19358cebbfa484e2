# Keys of Redis that somebody deleted, or that Redis evicted: the indexes are
# compared with the session records and set right.

use strict;
use warnings;

use Test::More;
use RD::Script;
use Time::HiRes qw(time);

my $tag = $RD::Script::Prefix;
my @hosts = qw(h i);
my $site = 'rd-s-';

# a whole pass: { removed, repaired, ends }, and how many calls it took
sub whole_pass {
    my %done = (removed => 0, repaired => 0, ends => [], calls => 0, ms => 0);

    for (1 .. 500) {
        redis('HSET', "${tag}reconcile", 'next_ms', 0);

        my $begun = time;
        my $answer = script('reconcile', 60_000, @hosts);
        my $ms = 1000 * (time - $begun);

        $done{ms} = $ms if $ms > $done{ms};
        $done{calls}++;
        push @{ $done{ends} }, @{ $answer->[3] };

        if ($answer->[0] == 60_000) {
            @done{qw(removed repaired)} = @$answer[1, 2];
            return \%done;
        }
    }

    die "the pass does not end\n";
}

# one session of each state, by state
sub each_state {
    redis('FLUSHALL');

    my %id = (ready => (ready(1))[0], queued => undef);
    my ($starting, $epoch) = placed(2);
    advance($starting, $epoch);
    my ($stopping) = ready(4);
    script('kill', $stopping, 4, 9, 'root', 1);

    @id{qw(starting creating stopping queued)}
        = ($starting, (placed(3))[0], $stopping, a_session(5));
    return %id;
}

# which ids stand in which index: "KEY ID"
sub entries {
    my @all;

    for my $set (qw(live queue lease expiry warn stopping)) {
        push @all, map { "$set $_" } @{ redis('ZRANGE', "$tag$set", 0, -1) };
    }

    for my $key (map { ("slots:$_", "creates:$_") } @hosts) {
        push @all, map { "$key $_" } @{ redis('SMEMBERS', "$tag$key") };
    }

    for my $key (map { @{ redis('KEYS', "$tag$_:*") } } qw(owner ready)) {
        my $text = redis('GET', $key);
        push @all, substr($key, length $tag) . ' ' . substr($text, 0, 32);
    }

    return [sort @all];
}


# ---- indexes that are gone --------------------------------------------------

my %id = each_state();
my $whole = entries();

my $done = whole_pass();
is_deeply([@$done{qw(removed repaired)}], [0, 0],
          'a Redis that lost nothing is left as it is');
is_deeply(entries(), $whole, 'each index has the entries it had');

for my $key (qw(live queue lease expiry warn stopping slots:h creates:h owner:1
                owner:2 owner:3 owner:5 ready:1))
{
    is(redis('DEL', "$tag$key"), 1, "$key is deleted");
    $done = whole_pass();
    is_deeply(entries(), $whole, '... and comes back with all its entries');
    ok($done->{repaired} > 0, '... which is counted');
}

redis('DEL', map { "$tag$_" } qw(live queue lease expiry stopping slots:h
                                 creates:h owner:1 ready:1));
whole_pass();
is_deeply(entries(), $whole, 'all of them come back together');

redis('DEL', "${tag}seq");
whole_pass();
ok(script('claim', 'e' x 32, 6, 'eve', 'eve', 'pw', 3600, 1200, 3, 'docker', 0,
          1000, 1000, 0)->[0] == 1
   && redis('ZRANK', "${tag}queue", 'e' x 32) == 1,
   'without the last number in line nobody overtakes');


# ---- records that are gone --------------------------------------------------

for my $state (qw(ready starting creating stopping queued)) {
    %id = each_state();
    my %before = map { $_ => 1 } @{ entries() };

    redis('DEL', "${tag}session:$id{$state}");
    $done = whole_pass();

    my @rest = grep { !/$id{$state}/ } sort keys %before;
    is_deeply(entries(), \@rest, "the record of a session that was $state is "
                                 . 'deleted: no index has its id');
    ok($done->{removed} > 0, '... which is counted');
}

is((placed(5))[0], sprintf('%032x', 5), 'its user starts a new session');


# ---- a lost record whose desktop is in use ----------------------------------

%id = each_state();
$whole = entries();
redis('DEL', "${tag}session:$id{ready}");
script('viewers', 'w1', 600_000, 1, 2, $id{ready}, 2);

is(whole_pass()->{removed}, 0, 'with open tunnels nothing is removed');
is_deeply(entries(), $whole, 'gates let its owner in as before');

sub orphans {
    redis('HSET', "${tag}sweep:h", 'number', 4);
    redis('SET', "${tag}installation", 'us');
    return script('sweep_judge', 'h', 4, now_ms(), 1, 'c1', $id{ready}, 'us',
                  'running', 60);
}

redis('DEL', "${tag}held");
is_deeply(orphans(), [1, [], [$id{ready}, 2]],
          'a sweep leaves its container and tells of 2 tunnels');
is_deeply(orphans(), [1, [], []], 'once');

redis('ZADD', "${tag}held", now_ms() - 1_000_000, $id{ready});
is_deeply(orphans(), [1, ['c1'], []], 'after a quarter of an hour it goes');
ok(whole_pass()->{removed} > 0, 'and so do the entries');

redis('DEL', "${tag}held");
script('viewers', 'w1', 600_000, 1, 0);
is_deeply(orphans(), [1, ['c1'], []], 'and when the tunnels are closed');


# ---- two sessions of one user -----------------------------------------------

redis('FLUSHALL');
my ($first) = ready(1);
redis('DEL', "${tag}owner:1", "${tag}ready:1");
my $second = sprintf '%032x', 77;
script('claim', $second, 1, 'user1', 'user1', 'pw', 3600, 1200, 3, 'docker', 0,
       1000, 1000, 0);
$done = whole_pass();
is(scalar @{ $done->{ends} }, 1, 'of two sessions of a user one ends');
is($done->{ends}[0][0], $first, 'the one that its owner cannot reach');
is(redis('GET', "${tag}owner:1"), $second, 'the owner keeps the other');


# ---- what is left alone -----------------------------------------------------

redis('FLUSHALL');
session('a' x 32, state => 'ready', owner => 9, host => 'h');
redis('SET', 'rd:{s}other', 1);
redis('SET', 'rd:{t}:owner:1', 'x');
is(whole_pass()->{repaired}, 0, 'a record that claim.lua did not make');
is(redis('EXISTS', 'rd:{s}other') + redis('EXISTS', 'rd:{t}:owner:1'), 2,
   'and keys of others');

redis('DEL', "${tag}reconcile");
is(script('reconcile', 60_000, @hosts)->[0], 60_000,
   'the first pass comes an interval after the start');
my $wait = script('reconcile', 60_000, @hosts)->[0];
ok($wait > 50_000, 'the next pass comes after the interval');


# ---- pieces -----------------------------------------------------------------

redis('FLUSHALL');
redis('ZADD', "${tag}live", map { ($_, sprintf '%032x', $_) } 1 .. 3000);
redis('SADD', "${tag}slots:h", map { sprintf '%032x', $_ } 1 .. 3000);
$done = whole_pass();
is($done->{removed}, 6000, '6,000 entries without a record go');
ok($done->{calls} >= 20, 'in many calls');

done_with_scripts();
