# The clock of a session: its end, the warning before, more time, and a host
# that is drained: the scripts, at the times that a test gives them.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;

sub tick { return script('tick', 'me', 600_000, 64, 600_000) }

sub extend {
    my ($user, $max) = @_;
    return script('extend', $user, $max // 0, 600_000);
}

sub mode {
    my ($mode, $grace_ms) = @_;
    return script('host_mode', 'h', $mode, $grace_ms // 0, 7, 'root');
}

sub at { my ($set, $id) = @_; return redis('ZSCORE', "$tag$set", $id) }

sub told {
    my ($id, $type) = @_;
    return scalar grep { $_->{type} eq $type } events_are($id);
}


# ---- more time --------------------------------------------------------------

is_deeply(extend(1, 1), [0, 'none'], 'nobody has no time');
my ($id, $epoch) = placed(1);
is_deeply(extend(1, 1), [0, 'not_ready'], 'who waits has none yet');
advance($id, $epoch);
script('commit', $id, $epoch);

my $expires = session($id)->{expires_ms};
is(at('expiry', $id), $expires, 'who is ready has an end');

session($id, extensions_used => 3);
is_deeply(extend(1, 1), [0, 'max'], 'the last extension is the last');
session($id, extensions_used => 0, expires_ms => now_ms() - 1);
is_deeply(extend(1, 1), [0, 'expired'], 'who is late is too late');
session($id, expires_ms => $expires, drain_ms => $expires);
is_deeply(extend(1, 1), [0, 'draining'], 'a host that closes gives none');
redis('HDEL', "${tag}session:$id", 'drain_ms');

my $answer = extend(1, 1);
is_deeply([@$answer[0, 2 .. 4]], [1, $expires + 1_200_000, 1, 3],
          'none of that counted: twenty minutes');
is(session($id)->{extensions_used}, 1, 'which is one of three');
is(at('expiry', $id), $expires + 1_200_000, 'the end is later');
is(first(extend(1, 1)), -2, 'a second one is too many so soon');
is(session($id)->{extensions_used}, 1, 'and is not given');


# ---- the end ----------------------------------------------------------------

redis('ZADD', "${tag}expiry", 1, 'e' x 32);
is_deeply(tick()->[2], [], 'nobody\'s time is over');
is(at('expiry', 'e' x 32), undef, 'what is no session has none');

redis('ZADD', "${tag}expiry", 1, $id);
is(tick()->[2][0][0], $id, 'whose time is over is to be removed');
is(session($id)->{reason}, 'expired', 'for that');
is(at('expiry', $id), undef, 'once');


# ---- the warning ------------------------------------------------------------

$id = a_session(2);
session($id, initial_s => 200);
($epoch) = map { $_->[1] } @{ dispatch(1, ['h', 1, 100, 50]) };
advance($id, $epoch);
script('commit', $id, $epoch);
is(at('warn', $id), undef, 'who begins with less than five minutes knows it');

($id) = ready(3);
redis('ZADD', "${tag}warn", 1, $id);
tick();
is(told($id, 'session_expiring'), 0, 'who has more time by now is not warned');

session($id, expires_ms => now_ms() - 1);
redis('ZADD', "${tag}warn", 1, $id);
tick();
is(told($id, 'session_expiring'), 0, 'nor is who has none');


# ---- a host that is drained -------------------------------------------------

redis('FLUSHALL');
($id, $epoch) = ready(4);
my ($short) = ready(5);
my ($over, $last) = ready(6);
$expires = session($id)->{expires_ms};
session($short, expires_ms => now_ms() + 60_000);
script('stop', $over, 0, 'user_destroyed', 0, 1000);

my %before = (map { $_ => session($_) } $short, $over);
my $from = now_ms();
is_deeply(mode('draining', 600_000), [1, 'active', 3], 'a host is drained');

my $bound = session($id)->{expires_ms};
ok($bound >= $from + 600_000 && $bound <= now_ms() + 600_000,
   'who is there has the grace');
is(at('expiry', $id), $bound, 'and no more');
is(session($short)->{expires_ms}, $before{$short}{expires_ms},
   'who has less keeps it');
is(session($short)->{drained}, undef, 'and will not have been drained');
is_deeply(session($over), $before{$over}, 'what ends already is not touched');

for my $grace_ms (900_000, 300_000) {
    is_deeply(mode('draining', $grace_ms), [1, 'draining', 3],
              "once more, $grace_ms ms");
    is(session($id)->{expires_ms}, $bound, 'changes nothing');
}

is_deeply(mode('closed'), [0], 'there is no other way to close it');
is(told('', 'host_draining'), 1, 'and is not told');
is(redis('HGET', "${tag}host:h", 'mode_by'), 'root', 'who did it is');

mode('active');
is(session($id)->{expires_ms}, $expires, 'opened: all have their time back');
is_deeply([@{ session($id) }{qw(drain_ms drained undrained_ms)}],
          [undef, undef, undef], 'as if nothing had been');
is(first(extend(4)), 1, 'and may have more');

mode('draining', 0);
is((grep { $_->[0] eq $id } @{ tick()->[2] }), 1, 'no grace: it ends at once');
is(session($id)->{reason}, 'drained', 'for that');
mode('active');
is(session($id)->{drained}, 1, 'which stays so when the host is opened');

($id, $epoch) = placed(7);
mode('draining', 600_000);
advance($id, $epoch);
script('commit', $id, $epoch);
ok(session($id)->{expires_ms} <= now_ms() + 600_000,
   'who was being started is bound, too');

done_with_scripts();
