# Who drives a session, for how long, and what is left of it at the end: the
# scripts, in the order that a test gives them.

use strict;
use warnings;

use Test::More;
use RD::Script;

my ($tag, $LEASE_MS) = ($RD::Script::Prefix, $RD::Script::LEASE_MS);
my @pair = (['h1', 2], ['h2', 1]);

sub lease { my ($id) = @_; return redis('ZSCORE', "${tag}lease", $id) }

sub tick { return script('tick', 'me', $LEASE_MS, 64, 600_000) }

# the sessions that a tick says are to be removed
sub removals { return map { $_->[0] } @{ tick()->[2] } }

sub retry {
    my ($id, $epoch, $hosts) = @_;
    return script('retry', $id, $epoch, 'docker_refused', 'words', 3, $hosts);
}

# when its removal will be given to somebody else
sub again { my ($id) = @_; return redis('ZSCORE', "${tag}stopping", $id) }

sub stop { return script('stop', $_[0], 0, 'user_destroyed', 0, 1000) }

sub held { my ($set) = @_; return redis('SCARD', "$tag$set:h") }


# ---- leases -----------------------------------------------------------------

my ($id, $epoch) = placed(1);

cmp_ok($epoch, '>', 1, 'who is given a session has an epoch of his own');
ok(lease($id) > now_ms() && lease($id) <= now_ms() + $LEASE_MS,
   'and a lease of the length he asked for');
is_deeply(tick()->[1], [], 'as long as it lasts nobody else is given it');

redis('ZADD', "${tag}lease", 1, $id);
script('renew', $LEASE_MS, $id, $epoch);
ok(lease($id) > now_ms(), 'he may renew it');

my $late = $epoch;
$epoch = (take_over($id) // [])->[1];
cmp_ok($epoch, '>', $late, 'when it is over somebody else is');
is_deeply(tick()->[1], [], 'but only one of them');

advance($id, $epoch);
is_deeply(advance($id, $late), [-1, 'starting'],
          'the one before is refused also in the state he wanted');
is_deeply(script('fail', 'x' x 32, 1, 'e', 's', 'd', '1'), [-1, 'none'],
          'as is anybody of a session that is not there');
script('commit', $id, $epoch);
is_deeply(script('commit', $id, $late), [-1, 'ready'],
          'also when it is ready');
is_deeply(script('fail', $id, $epoch, 'e', 's', 'd', '1'), [-1, 'ready'],
          'which cannot fail any more');
is(lease($id), undef, 'nobody drives it');
is_deeply(script('renew', $LEASE_MS, $id, $epoch), [$id], 'nor can he go on');
is(lease($id), undef, 'as if he did');

redis('ZADD', "${tag}lease", 1, $id);
is_deeply(tick()->[1], [], 'a lease that was left behind drives nothing');
is(lease($id), undef, 'and goes');

$id = a_session(2);
is_deeply(advance($id, 1), [-1, 'queued'], 'a step cannot be left out');
($epoch) = map { $_->[1] } @{ dispatch(1, ['h']) };
is_deeply(script('commit', $id, $epoch), [-1, 'creating'], 'nor the next');


# ---- another host -----------------------------------------------------------

redis('FLUSHALL');
($id, $epoch) = placed(3);
session($id, drain_ms => now_ms() + 1000);
my $behind = a_session(4);

is(held('slots'), 1, 'a host has a slot less');
is(held('creates'), 1, 'and creates one');
is_deeply(retry($id, $epoch, 3), [1], 'it fails: back to the queue');
is(held('slots') + held('creates'), 0, 'both are given back');
is(lease($id), undef, 'nobody drives it');
cmp_ok(session($id)->{epoch}, '>', $epoch, 'and who did is fenced off');
is(session($id)->{drain_ms}, undef, 'what bound the host does not bind it');
is_deeply(redis('ZRANGE', "${tag}queue", 0, -1), [$id, $behind],
          'it is before those who came later');

my %before = %{ session($id) };
is_deeply(retry($id, $epoch, 3), [1], 'asked twice it is answered the same');
is_deeply(session($id), \%before, 'and has changed nothing');

redis('FLUSHALL');
($id, $epoch) = placed(5, @pair);
retry($id, $epoch, 2);
$late = $epoch;
($epoch) = map { $_->[1] } @{ dispatch(1, @pair) };
is(session($id)->{host}, 'h2', 'the second of two hosts');
is_deeply(retry($id, $epoch, 2), [0], 'fails, too: there is no third');
session($id, attempts => 3);
is(first(retry($id, $late, 5)), -1,
   'that every try is used up is not for one who comes late');


# ---- until it is gone -------------------------------------------------------

redis('FLUSHALL');
($id, $epoch) = placed(6);
my $stop = stop($id);
my $end = session($id)->{epoch};

is_deeply($stop, [1, $id, 'h', "rd-s-$id", $end],
          'who ends it knows what to remove');
cmp_ok($end, '>', $epoch, 'by an epoch of his own');
is(held('creates'), 0, 'the host may create the next');
is(held('slots'), 1, 'but has no room until it is gone');
ok(again($id) >= session($id)->{since_ms} + 10_000,
   'he has ten seconds to remove it');

redis('ZADD', "${tag}stopping", 1, $id);
is_deeply(tick()->[2], [[$id, 'h', "rd-s-$id", $end]],
          'when he does not, somebody else is to');
ok(again($id) >= session($id)->{since_ms} + 10_000,
   'who has as much time');
redis('ZADD', "${tag}stopping", 1, $id);
is_deeply([removals()], [$id], 'for as long as it takes');

is_deeply(script('finish', $id, $epoch), [-1, 'stopping'],
          'the driver from before cannot say that it is gone');
is_deeply(script('finish', $id, $end), [1, 'ended'], 'it is gone');
is(held('slots'), 0, 'there is room');
is(redis('ZCARD', "${tag}stopping"), 0, 'nothing is left to do');
is(session($id)->{vnc_password}, undef, 'its password is forgotten');

my $ttl = redis('PTTL', "${tag}session:$id");
ok($ttl > 500_000 && $ttl <= 600_000, 'the rest in ten minutes');

redis('ZADD', "${tag}stopping", 1, $id);
is_deeply([removals()], [], 'what has ended is not removed');
is(redis('ZCARD', "${tag}stopping"), 0, 'nor asked for again');

my $queued = a_session(7);
is_deeply(stop($queued), [2, $queued], 'one without a container ends at once');
is(session($queued)->{state}, 'ended', 'as it should');

$queued = a_session(8);
is_deeply(script('kill', $queued, 0, 1, 'root', '0'), [2, $queued],
          'also when an administrator ends it');
is(session($queued)->{message}, 'ended by an administrator',
   'which the player can read');
is((grep { $_->{type} eq 'admin_action' } events_are($queued)), 0,
   'a deed among others is told by who does them all');


# ---- a failure, and its cleaning up -----------------------------------------

($id, $epoch) = placed(9);
my $failed = script('fail', $id, $epoch, 'desktop_timeout', 's', 'd', '1');
$end = session($id)->{epoch};
is_deeply($failed, [1, $end], 'one that failed may have left a container');
is_deeply(script('finish', $id, $end), [1, 'failed'],
          'when that is gone it has failed');
is((grep { $_->{type} eq 'session_destroyed' } events_are($id)), 0,
   'which is not the end of a desktop');

($id, $epoch) = ready(10);
session($id, created_ms => now_ms() - 900_000, ready_ms => now_ms() - 60_000);
script('finish', $id, stop($id)->[4]);
my ($gone) = grep { $_->{type} eq 'session_destroyed' } events_are($id);
ok($gone->{metadata}{duration} >= 60 && $gone->{metadata}{duration} < 900,
   'a desktop has lasted since it was ready');

($id) = ready(11);
redis('SET', "${tag}owner:11", 'f' x 32);
stop($id);
is(redis('GET', "${tag}owner:11"), 'f' x 32,
   'the end of one session takes nothing from another');


# ---- the site closes --------------------------------------------------------

redis('FLUSHALL');
($id) = ready(12);
$queued = a_session(13);
redis('ZADD', "${tag}live", 1, 'e' x 32);

is_deeply(script('close', 1), [], 'what is not there is not ended');
is_deeply([sort @{ redis('ZRANGE', "${tag}live", 0, -1) }],
          [sort $id, $queued], 'nor looked at again, and one is one');
is_deeply([map { $_->[0] } @{ script('close', 100) }], [$id],
          'of those which are, one has a container');
is(session($queued)->{state}, 'ended', 'the other is over');
is((rows($queued))[0]{reason}, 'drained', 'for the reason');

done_with_scripts();
