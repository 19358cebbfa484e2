# The line: who may stand in it, whose turn it is, who is told what, and who
# has waited too long.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;

sub tick { return script('tick', 'me', 600_000, 64, 600_000) }

# claim.lua with its bounds: so often at most, and sessions that wait
sub claim {
    my ($n, $often, $waiting) = @_;

    return script('claim', sprintf('%032x', $n), $n, "user$n", "user$n", 'pw',
                  3600, 1200, 3, 'docker', $often, 60_000, $waiting, 0);
}

sub counted {
    my ($n) = @_;
    return redis('ZCARD', "${tag}rate:create:$n");
}

sub waits { my ($id) = @_; return redis('ZSCORE', "${tag}queue", $id) }

sub told { return grep { $_->{type} eq 'queued' } events_are($_[0]) }


# ---- who may stand in it ----------------------------------------------------

is_deeply(claim(1, 2, 1), [1, sprintf '%032x', 1], 'the first one waits');
is_deeply(claim(2, 2, 1), [-1, 1], 'a line of one is full');
is_deeply([@{ claim(1, 2, 1) }[0, 2]], [0, 'queued'],
          'a second click is told what the first has done');
is(redis('ZCARD', "${tag}queue"), 1, 'which waits once');

redis('SET', "${tag}switch", 'off');
is_deeply(claim(3, 2, 9), [-3], 'switched off, nobody begins to');
redis('DEL', "${tag}switch");

is_deeply([map { counted($_) } 1 .. 3], [1, 0, 0],
          'only who stands in it has used a try');


# ---- whose turn it is -------------------------------------------------------

redis('FLUSHALL');
my @id = map { a_session($_) } 1 .. 4;
my $ghost = 'f' x 32;
redis('ZADD', "${tag}queue", 0, $ghost);

is_deeply([map { $_->[0] } @{ dispatch(2, ['h', 1, 100, 50]) }], [@id[0, 1]],
          'two are asked for: the two who came first');
is(waits($ghost), undef, 'what is no session waits for nothing');
is(redis('EXISTS', "${tag}session:$ghost"), 0, 'and becomes none');
is(waits($id[2]) + 1, waits($id[3]), 'the others wait on');

session($id[2], tried => 'h');
is_deeply([map { $_->[0] } @{ dispatch(9, ['h', 1, 100, 50]) }], [$id[3]],
          'who has failed on the one that is free is overtaken');
ok(waits($id[2]), 'and waits for another');
is(dispatch(9, ['h', 1, 100, 50], ['g', 1, 100, 50])->[0][3], 'g',
   'which he gets');

redis('FLUSHALL');
a_session(5);
is(dispatch(1, ['b'], ['a'], ['c'])->[0][3], 'a',
   'of hosts that are as good it is the first by name');


# ---- what he is told --------------------------------------------------------

redis('FLUSHALL');
@id = map { a_session($_) } 1 .. 2;
dispatch(9, ['h', 1, 0, 50]) for 1 .. 3;

is_deeply([map { [map { $_->{metadata} } told($_)] } @id],
          [map { [{ reason => 'every host is full', code => 'full',
                    position => $_ }] } 1, 2],
          'each is told once why he waits, and where');

my $late = a_session(3);
dispatch(9, ['h', 1, 0, 50]);
is_deeply([map { scalar told($_) } @id, $late], [1, 1, 1],
          'who comes later, too');


# ---- too long ---------------------------------------------------------------

session($id[0], created_ms => now_ms() - 700_000);
session($id[1], created_ms => now_ms() - 300_000);
redis('ZADD', "${tag}queue", 0, $ghost);
tick();

my $end = session($id[0]);
is($end->{state}, 'failed', 'who has waited ten minutes waits no more');
is($end->{error}, 'no_capacity', 'by name');
is($end->{message}, 'no host was free in time', 'in a sentence');
is($end->{detail}, 'every host is full', 'and why is kept');
is((rows($id[0]))[0]{detail}, 'every host is full', 'for history, too');
is(waits($id[0]), undef, 'he has left the line');
is(session($id[1])->{state}, 'queued', 'who has not waits on');
is(waits($ghost), undef, 'what is no session does not');
is(redis('EXISTS', "${tag}session:$ghost"), 0, 'and has not failed');

done_with_scripts();
