# The window of a limit slides, and what it says of the next time is true.

use strict;
use warnings;

use Test::More;
use RD::Script;

use constant WINDOW_MS => 600_000;

my $tag = $RD::Script::Prefix;
my $key = "${tag}rate:destroy:5";

# user 5 gives up what he waits for
sub press {
    my ($max) = @_;

    a_session(5) if !redis('EXISTS', "${tag}owner:5");
    return script('stop', '', 5, 'user_destroyed', $max, WINDOW_MS);
}

# as if he had pressed so many ms ago; when that was
sub pressed {
    my @ago = @_;

    my $now = now_ms();
    redis('DEL', $key);
    redis('ZADD', $key, $now - $_, $now - $_) for @ago;
    return $now;
}

# the answer says when the press of $at will be out of the window
sub is_until {
    my ($max, $at, $what) = @_;

    my $from = now_ms();
    my ($code, $wait) = @{ press($max) };
    my $to = now_ms();

    is($code, -2, "$what is too much");
    ok($wait <= $at + WINDOW_MS - $from && $wait >= $at + WINDOW_MS - $to,
       'until the right one is out of the window')
        or diag("$wait ms");
}

is(script('stop', '', 5, 'user_destroyed', 2, WINDOW_MS)->[0], 0,
   'with nothing to end');
is(redis('EXISTS', $key), 0, 'nothing counts');

is(press(2)->[0], 2, "press $_ of two is done") for 1, 2;
is(press(2)->[0], -2, 'the third is not');
is(redis('ZCARD', $key), 2, 'and has not counted');

my $ttl = redis('PTTL', $key);
ok($ttl > 0 && $ttl <= WINDOW_MS, 'what is out of the window is forgotten');

is(press(0)->[0], 2, 'no limit is none');
is(redis('ZCARD', $key), 2, 'and counts nothing');

my $now = pressed(500_000, 100_000);
is_until(2, $now - 500_000, 'two of two');

$now = pressed(500_000, 400_000, 300_000);
is_until(2, $now - 400_000, 'three when two have become the limit');

pressed(WINDOW_MS + 1, 100_000);
is(press(2)->[0], 2, 'one is out of the window: another one may be');
is(redis('ZCARD', $key), 2, 'which takes its place');

# five in one millisecond
my $prelude = RD::Place::slurp(RD::Place::top() . '/src/redis/lua/prelude.lua');
is(redis('EVAL', "$prelude\nlocal n = 0\n"
         . "for i = 1, 5 do n = n + rate('6', 'x', 9, 600000) end\n"
         . "return { n, redis.call('ZCARD', prefix .. 'rate:x:6') }", 1, $tag)
   ->[1], 5, 'those of one moment count one by one');

is_deeply([map { script('claim', sprintf('%032x', 7), 7, 'u', 'u', 'pw', 3600,
                        1200, 3, 'docker', 1, WINDOW_MS, 9, 0)->[0],
                 script('stop', '', 7, 'user_destroyed', 0, 1)->[0] } 1, 2],
          [1, 2, -2, 0], 'starts have a limit of their own');

done_with_scripts();
