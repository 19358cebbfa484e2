# A Redis that is restored from an older copy has forgotten to whom it gave a
# session since, and gives nobody what one of them still has.

use strict;
use warnings;

use Test::More;
use RD::Place qw(wait_until);
use RD::Script;

my $tag = $RD::Script::Prefix;

# all there is: ([key, milliseconds to live, content], ...)
sub copy {
    return map { my $ttl = redis('PTTL', $_);
                 [$_, $ttl > 0 ? $ttl : 0, redis('DUMP', $_)] }
           @{ redis('KEYS', '*') };
}

# once what was given out is in the past: no copy is restored faster
sub restore {
    my $now = now_ms();

    wait_until(5, sub { now_ms() > $now });
    redis('FLUSHALL');
    redis('RESTORE', @$_) for @_;
}


# ---- a takeover that the copy does not know ---------------------------------

my ($id, $first) = placed(1);

my @copy = copy();
my $forgotten = take_over($id)->[1];
cmp_ok($forgotten, '>', $first, 'a second worker is given the session');

restore(@copy);
is(session($id)->{epoch}, $first, 'an older copy: Redis knows of the first');

my $third = take_over($id)->[1];
cmp_ok($third, '>', $forgotten, 'a third one gets what nobody has had');

is(first(advance($id, $forgotten)), -1, 'the forgotten one is refused');
is_deeply(script('renew', $RD::Script::LEASE_MS, $id, $forgotten), [$id],
          'and told that it is not his any more');
is(first(advance($id, $third)), 1, 'the third one goes on');
is(first(script('commit', $id, $third)), 1, 'until it is ready');


# ---- an end -----------------------------------------------------------------

# what bears a later epoch than that of the end would be left where it is
@copy = copy();
script('stop', $id, 0, 'user_destroyed', 0, 1000);
my $ended = session($id)->{epoch};

restore(@copy);
is(session($id)->{state}, 'ready', 'a copy from before its end');
my $stop = script('stop', $id, 1, 'user_destroyed', 0, 1000);
cmp_ok($stop->[4], '>', $ended, 'it ends again, by an epoch of its own');
is(first(script('finish', $id, $ended)), -1,
   'and the word about the first end is not taken for it');
is(first(script('finish', $id, $stop->[4])), 1, 'but the one about this');
is(scalar(my @rows = rows($id)), 1, 'one row of history');

done_with_scripts();
