# Which hosts are swept when, and what is held against a container or a record:
# the scripts of a sweep, case by case.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;

sub due {
    my ($max, @names) = @_;
    my ($wait, $now, @given) = @{ script('sweep_due', 600_000, $max, @names) };
    return ($wait, map { $_->[0] } @given);
}

sub sweep { return { @{ redis('HGETALL', "${tag}sweep:h") } } }


# ---- when -------------------------------------------------------------------

is_deeply([due(1, 'a', 'h')], [0, 'a'], 'one at a time: the next one is due');
is_deeply([(due(9, 'a', 'h'))[1]], ['h'], 'nobody else is given the first');
my ($wait, @given) = due(9, 'a', 'h');
is(scalar @given, 0, 'until the next is due');
ok($wait > 500_000 && $wait <= 600_000, 'and when that is');

redis('FLUSHALL');
host_set('away', health => 'down', reason => 'unreachable');
host_set('bare', health => 'down', reason => 'no_image');
host_set('full', health => 'down', reason => 'disk');
host_set('old', health => 'down', reason => 'daemon');
redis('HSET', "${tag}sweep:$_", 'next_ms', 1) for qw(away old);
is_deeply([due(9, qw(away bare full old))], [600_000, 'bare', 'full'],
          'whoever cannot be reached is passed over, and nobody waits for him');


# ---- containers -------------------------------------------------------------

my $before = now_ms() - 60_000;         # when the records last changed
my $began = now_ms() - 30_000;          # when the list was asked for

# what becomes of a container of this age and state on host h; its session is
# %record
sub container {
    my ($record, $age, $cid) = @_;

    redis('FLUSHALL');
    redis('SET', "${tag}installation", 'us');
    redis('HSET', "${tag}sweep:h", 'number', 4);

    my $id = 'a' x 32;
    session($id, epoch => 3, owner => 2, username => 'u', created_ms => 1,
            since_ms => $before, %$record) if $record;

    my ($ok, $orphans) = @{ script('sweep_judge', 'h', 4, $began, 1,
                                   $cid // 'c1', $id, 'us', 'running',
                                   $age // 60) };
    return scalar @$orphans;
}

my %here = (state => 'ready', host => 'h', container_id => 'c1');

is(container(undef), 1, 'a container that nobody knows is an orphan');
is(container(undef, 30), 1, 'half a minute old');
is(container(undef, 29), 0, 'before that it may be somebody\'s soon');
is(container(undef, -1), 0, 'so may one of which nobody knows the age');
is(container({ %here, state => 'ended' }), 1, 'one that has ended is');
is(container({ %here }), 0, 'that of a desktop is not');
is(container({ %here }, 60, 'c2'), 1, 'another one of the same desktop is');
is(container({ %here, since_ms => now_ms() + 60_000 }, 60, 'c2'), 0,
   'unless the record has changed since the list was made');
is(container({ %here, container_id => '' }), 0,
   'or the record does not say which it is');
is(container({ %here, state => 'stopping' }), 0,
   'what is being removed is not removed twice');
is(container({ %here, state => 'stopping', host => 'g' }), 1,
   'but what is left of a removal elsewhere');
is(container({ %here, state => 'stopping', host => '' }), 0,
   'and of one without a host nothing is known');
is(container({ %here, host => 'g' }), 1, 'a desktop elsewhere has left it');
is(container({ %here, host => 'g', since_ms => now_ms() + 60_000 }), 0,
   'unless it went there since');
is(container({ %here, state => 'creating' }, 60, 'c2'), 0,
   'who creates may be about to replace it');
is(container({ state => 'queued', host => '' }), 0,
   'or has not yet said which host it is');


# ---- records ----------------------------------------------------------------

# is the session still there when a sweep of h saw its container so?
sub stays {
    my ($record, $seen) = @_;

    redis('FLUSHALL');
    redis('HSET', "${tag}sweep:h", 'number', 4);

    my $id = 'a' x 32;
    session($id, epoch => 3, owner => 2, username => 'u', created_ms => 1,
            since_ms => $before, %here, %$record);
    redis('SADD', "${tag}slots:h", $id);

    script('sweep_judge', 'h', 4, $began, 1,
           $seen ? ('c1', $id, 'us', $seen, 60) : ());
    my $ends = script('sweep_missing', 'h', 4, $began)->[2];
    return @$ends ? "ends $ends->[0][1] " . session($id)->{reason} : 'stays';
}

is(stays({}, 'running'), 'stays', 'a desktop that runs stays');
is(stays({}, 'unknown'), 'stays', 'so does one of which nothing is known');
is(stays({}, 'gone'), 'ends h reconciliation', 'one that has exited ends');
is(stays({}), 'ends h reconciliation', 'so does one that is not there');
is(stays({ since_ms => now_ms() + 60_000 }), 'stays',
   'unless it came since the list was made');
is(stays({ host => 'g' }), 'stays', 'one elsewhere is not missed here');
is(stays({ state => $_ }), 'stays', "one $_ belongs to who drives it")
    for qw(creating starting stopping);


# ---- what is written down ---------------------------------------------------

redis('FLUSHALL');
due(9, 'h');
due(9, 'h') if redis('HSET', "${tag}sweep:h", 'next_ms', 1) == 0;

my $old = now_ms() - 100_000_000;
redis('XADD', "${tag}history", "$old-1", 'owner', 9);
redis('XADD', "${tag}history", '*', 'owner', 8);

sub done {
    my ($number, $error, @removed) = @_;
    return script('sweep_done', 'h', $number, $error, $error && 'words', 5,
                  50_000_000, @removed / 2, @removed)->[0];
}

is(done(1, ''), 0, 'a sweep that took too long says nothing');
is(sweep()->{last_ok_ms}, undef, 'of the host');
is(redis('XLEN', "${tag}history"), 1, 'but history has forgotten all the same');

is(done(2, 'ssh_timeout'), 1, 'one that failed');
is_deeply([@{ sweep() }{qw(error detail last_ok_ms)}],
          ['ssh_timeout', 'words', undef], 'says why, and that it was none');

is(done(2, '', 'rd-x', 77, 'rd-y', 88), 1, 'one that went well');
is_deeply([@{ sweep() }{qw(error removed ended)}], ['', 2, 5],
          'says what it did');
ok(now_ms() - sweep()->{last_ok_ms} < 600_000, 'and when');
is_deeply([map { [@{ $_->{metadata} }{qw(container_name age_seconds)}] }
           grep { $_->{type} eq 'orphan_reaped' } events_are('')],
          [['rd-x', 77], ['rd-y', 88]], 'each container is told');

done_with_scripts();
