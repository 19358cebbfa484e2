# Of a ready session the text for gates stands beside the record.  They find the
# same by both, and the text is there for as long as somebody may go in.

use strict;
use warnings;

use Test::More;
use RD::Place qw(wait_until);
use RD::Script;

my $tag = $RD::Script::Prefix;


# what gates are told of each

sub of_users { return (found(@_))[2 .. 1 + @_] }


# Whether there is a text of user $n, and what his record alone says is the same

sub finds {
    my ($n, $there, $what, $when) = @_;

    my $key = "${tag}ready:$n";
    my ($found) = of_users($n);
    my ($text, $left) = (redis('GET', $key), redis('PTTL', $key));
    my $now = now_ms();

    is(defined $text ? 1 : 0, $there, "$when: it is" . ($there ? '' : ' not')
                                      . ' there');
    within($left, $found->[7] - $now, 1000, "$when: as long as he has time")
        if $there;
    redis('DEL', $key);
    is_deeply($found, of_users($n), "$when: the record says the same");
    is("@$found[0, 3]", $what, "$when: which is $what");

    redis('SET', $key, $text, 'PXAT', $found->[7]) if defined $text;
    return $found;
}

sub within {
    my ($got, $want, $by, $name) = @_;

    ok(abs($got - $want) <= $by, $name) or diag("$got is not about $want");
}


# ---- a life ------------------------------------------------------------------

finds(1, 0, 'none ', 'nothing');

my $id = a_session(1);
finds(1, 0, 'live queued', 'asked for');

my ($p) = @{ dispatch(1, ['h', 1, 100, 50]) };
finds(1, 0, 'live creating', 'placed');

advance($id, $p->[1]);
finds(1, 0, 'live starting', 'it runs');

script('commit', $id, $p->[1]);
my $found = finds(1, 1, 'live ready', 'it answers');
is_deeply([@$found[1, 2, 4 .. 6, 8 .. 10, 12, 13]],
          [0, $id, '127.0.0.1', 6080, 0, 0, '', 22, 0, 3],
          'with all a gate must know');
within($found->[11], now_ms(), 5000, 'and when it was asked for');

redis('HSET', "${tag}user:1", 'banned', 1);
is(finds(1, 1, 'live ready', 'a ban')->[1], 1, 'a ban is said');
redis('HSET', "${tag}user:1", 'banned', 0);

script('extend', 1, 0, 1000);
my $longer = finds(1, 1, 'live ready', 'more time');
is($longer->[7] - $found->[7], 1_200_000, 'more time: it is known');
is($longer->[12], 1, 'more time: and that it was had once');

script('host_mode', 'h', 'draining', 60_000, 1, 'root');
my $shorter = finds(1, 1, 'live ready', 'its host is drained');
cmp_ok($shorter->[7], '<', now_ms() + 61_000,
       'its host is drained: a minute is left');
is($shorter->[9], 'drained', 'its host is drained: the reason is known');
script('host_mode', 'h', 'active', 0, 1, 'root');
my $again = finds(1, 1, 'live ready', 'not any more');
is($again->[7], $longer->[7], 'not any more: it has its time again');
is($again->[9], '', 'not any more: there is no reason to end early');

my $stop = script('stop', $id, 1, 'user_destroyed', 0, 1000);
finds(1, 0, 'last stopping', 'Stop');
script('finish', $id, $stop->[4]);
finds(1, 0, 'last ended', 'removed');


# ---- other ends --------------------------------------------------------------

ready(2);
script('kill', '', 2, 1, 'root', 0);
finds(2, 0, 'last stopping', 'killed');

($id) = ready(3);
redis('ZADD', "${tag}expiry", 1, $id);
script('tick', 'me', $RD::Script::LEASE_MS, 64, 600_000);
finds(3, 0, 'last stopping', 'its time was called over');

ready(4);
script('host_mode', 'h', 'draining', 300, 1, 'root');
ok(wait_until(5, sub { !redis('EXISTS', "${tag}ready:4") }),
   'the text goes when the time is over, whether somebody has looked or not');
$found = finds(4, 0, 'live ready', 'over');
cmp_ok($found->[7], '<=', now_ms(), 'over: which the record says');
script('host_mode', 'h', 'active', 0, 1, 'root');


# ---- what nobody should do, and somebody does --------------------------------

($id) = ready(6);
redis('SET', "${tag}owner:6", 'f' x 32);
script('stop', $id, 6, 'user_destroyed', 0, 1000);
is(redis('EXISTS', "${tag}ready:6"), 1,
   'the end of one that is not his any more leaves that of his next one');

($id) = ready(5);
redis('DEL', "${tag}owner:5", "${tag}session:$id");
a_session(5);
finds(5, 0, 'live queued', 'a lost record, and a new desktop');


# ---- together ----------------------------------------------------------------

my @all = 1 .. 9;
is_deeply([of_users(@all)], [map { of_users($_) } @all],
          'many at once are told apart');

done_with_scripts();
