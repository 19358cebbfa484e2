# What the scripts make of a session whose user id another account has by now:
# nobody's, ended, and its id is free.

use strict;
use warnings;

use Test::More;

use Digest::SHA qw(sha1_hex);
use RD::Script;

my $tag = $RD::Script::Prefix;

# what C makes of CTFd's tag of a password
sub login { return substr sha1_hex($_[0]), 0, 16 }

sub record {
    my ($n, %field) = @_;

    redis('DEL', "${tag}user:$n");
    redis('HSET', "${tag}user:$n", banned => 0, %field) if %field;
}

sub claim {
    my ($id, $n, $login, $rate) = @_;

    return script('claim', $id x 32, $n, "user$n", "user$n", 'pw', 3600, 1200,
                  3, 'docker', $rate // 0, 600_000, 1000, 0, $login);
}

sub tick {
    redis('HDEL', "${tag}pace", 'accounts_ms');     # it is due
    return script('tick', 'me', $RD::Script::LEASE_MS, 64, 600_000);
}

sub state { return session($_[0])->{state} }

# a desktop of user $n, and nobody waits in front
sub desktop_of {
    my ($n) = @_;

    redis('DEL', "${tag}queue");
    return (ready($n))[0];
}


# ---- what a session carries --------------------------------------------------

record(1, tag => '1-100', hash => 'pass');
my $id = desktop_of(1);

is(session($id)->{account_tag}, '1-100', 'a session carries the tag');
is_deeply((accounts(1))[0], ['1-100', 'pass', '1-100', ''],
          'gates are told it beside that of the record');
is(session(a_session(2, login('pass')))->{login}, login('pass'),
   'and the digest of the login that asked');

record(3, tag => "3\x00100", hash => 'h' x 65);
a_session(3);
like((accounts(3))[0][0], qr/^unreadable-/, 'a tag with a NUL cannot be read');
like((accounts(3))[0][1], qr/^unreadable-/, 'nor a hash that is too long');


# ---- another account claims --------------------------------------------------

record(1, tag => '1-200', hash => 'word');

my $answer = claim('a', 1, login('word'));
is("@$answer[0, 2]", "1 $id", 'another account gets a session at once');
is(state($id), 'stopping', 'the old one ends');
is(session($id)->{reason}, 'account_changed', 'and says why');
is($answer->[4], session($id)->{container}, 'its container is to be removed');
is_deeply([redis('EXISTS', "${tag}ready:1"), redis('GET', "${tag}owner:1")],
          [0, 'a' x 32], 'the id is that of the new account');

is(script('finish', $id, $answer->[5])->[1], 'ended', 'removed, it is over');
is_deeply(redis('SMEMBERS', "${tag}slots:h"), [], 'and its slot is free');

is(claim('b', 1, login('pass'))->[0], -5, 'the old login claims nothing');
is(claim('b', 1, login('word'))->[0], 0, 'the new one has one already');

record(1, tag => '1-300', hash => 'word');
$answer = claim('c', 1, login('word'));
is("@$answer", '1 ' . 'c' x 32, 'one that had no container is over at once');
is(state('a' x 32), 'ended', 'without anything to remove');


# ---- two logins without a record ---------------------------------------------

is(claim('d', 4, login('x'))->[0], 1, 'one login claims');
$answer = claim('e', 4, login('y'));
is($answer->[0], 1, 'another with the same id claims after it');
is(state('d' x 32), 'ended', 'of two the later one has the id');
is(claim('f', 4, login('y'))->[0], 0, 'and claims once');

is(claim('1', 5, login('x'), 1)->[0], 1, 'one creation is allowed');
is(claim('2', 5, login('y'), 1)->[0], -2,
   'logins without records share the count of their id');
is(state('1' x 32), 'queued', 'what was refused has ended nothing');

record(5, tag => '5-1', hash => 'y');
is(claim('2', 5, login('y'), 1)->[0], 1,
   'a new account has a count of its own');

redis('SET', "${tag}switch", 'off');
record(5, tag => '5-2', hash => 'y');
is(claim('3', 5, login('y'))->[0], -3, 'switched off');
is(state('2' x 32), 'queued', 'what was refused has ended nothing');
redis('DEL', "${tag}switch");


# ---- nobody comes ------------------------------------------------------------

record(6, tag => '6-1');
$id = desktop_of(6);
is_deeply(tick()->[2], [], 'an account that is still there keeps its desktop');
is(state($id), 'ready', 'which goes on');

record(6, tag => '6-2');
$answer = tick()->[2];
is("@{ $answer->[0] }[0, 2]", join(' ', $id, session($id)->{container}),
   'that of one which has gone is to be removed');
is(state($id), 'stopping', 'unasked');

record(7, tag => '7-1');
$id = desktop_of(7);
record(7);
is_deeply([map { $_->[0] } @{ tick()->[2] }], [$id],
          'so it is when the record is gone');

my @many = map { record($_, tag => "$_-1"); a_session($_) } 1000 .. 1249;
record($_, tag => "$_-2") for 1000 .. 1249;
my $rounds = 0;
$rounds++, tick() while $rounds < 9 && grep { state($_) eq 'queued' } @many;
cmp_ok($rounds, '<=', 5, "two hundred and fifty take $rounds rounds");
cmp_ok($rounds, '>', 1, 'no round looks at all of them');


# ---- sessions of an earlier release ------------------------------------------

$id = desktop_of(8);
redis('HDEL', "${tag}session:$id", 'account_tag', 'login');
redis('SET', "${tag}ready:8", join("\0", (found(8))[2]->@[2 .. 13]), 'KEEPTTL');

is((found(8))[2][3], 'ready', 'a shorter text for gates is not read');
is_deeply((accounts(8))[0], ['', '', '', ''], 'and the session has no account');
is(script('look', 8, login('x'))->[1], 'live', 'it is that of its id');

record(8, tag => '8-1', hash => 'x');
tick() for 1 .. 4;
is_deeply([@{ session($id) }{qw(account_tag login)}], ['8-1', login('x')],
          'a record binds it unasked');
is_deeply((accounts(8))[0], ['8-1', 'x', '8-1', login('x')],
          'which gates are told');
cmp_ok(redis('PTTL', "${tag}ready:8"), '>', 0, 'for as long as it has time');

$id = desktop_of(9);
redis('HDEL', "${tag}session:$id", 'account_tag', 'login');
is(script('extend', 9, 0, 1000, login('x'))->[0], 1,
   'without a record the first login that extends it');
is(session($id)->{login}, login('x'), 'has it from then on');
is(script('extend', 9, 0, 1000, login('y'))->[1], 'none', 'and no other');
is(script('stop', '', 9, 'user_destroyed', 0, 1000, login('y'))->[0], 0,
   'which cannot stop it either');
is(script('stop', '', 9, 'user_destroyed', 0, 1000, '')->[0], 1,
   'a signed call speaks for the user');

done_with_scripts();
