# Why somebody waits, how long, and for what: dispatch.lua and look.lua.

use strict;
use warnings;

use Test::More;
use RD::Script;
use Time::HiRes qw(time);

my $MB = 1 << 20;

sub forget { redis('FLUSHALL') }

# what the one who has waited longest is told
sub told {
    my ($n) = @_;

    my $look = script('look', $n);
    return { position => $look->[3], estimate => $look->[4],
             reason => $look->[5] };
}


# ---- reasons ----------------------------------------------------------------

sub why {
    my ($health, $reason, $mode, @more) = @_;

    forget();

    for my $i (0 .. $#$health) {
        host_set("h$i", health => $health->[$i], reason => $reason->[$i] || '',
                 mode => $mode->[$i] || 'active');
    }

    a_session($_) for 1 .. ($more[0] // 1);
    dispatch(50, map { ["h$_", 1, $more[1], $more[2]] } 0 .. $#$health);

    return told($more[0] // 1)->{reason};
}

is(why(['up', 'up', 'up'], [], [], 4, 100, 1),
   'all 3 hosts are busy starting desktops', 'no host has a free create slot');
is(why(['up'], [], [], 2, 100, 1), 'the host is busy starting desktops',
   'nor has the only one');
is(why(['up', 'up'], [], [], 3, 1, 4), 'every host is full', 'no room');
is(why(['down', 'down'], ['no_image', 'no_image'], []),
   'no host has the image of a desktop; please tell an organizer',
   'no image');
is(why(['down', 'down'], ['no_image', 'unreachable'], []),
   'no host can start desktops at the moment',
   'one has no image, the other is away');
is(why(['up', 'up'], [], ['cordoned', 'draining']),
   'no host takes new desktops at the moment', 'closed ones');
is(why(['up', 'down', 'up'], ['', 'daemon'], ['', '', 'cordoned'], 2, 100, 1),
   'the host is busy starting desktops', 'who is not fit is not busy');


# ---- room is what the engine reports, unless hosts.yml says more ------------

sub fit {
    my ($n, $limit, %reported) = @_;

    forget();
    host_set('h', health => 'up', %reported);
    a_session($_) for 1 .. $n;

    my $placed = dispatch(50, ['h', 1, 100, 50, @$limit]);
    return scalar @$placed;
}

is(fit(9, [0, 0], memory_bytes => 1000 * $MB), 3,
   'three desktops of 256 MB fit into the 1000 MB of an engine');
is(fit(9, [0, 0], nano_cpus => 2_000_000_000), 4,
   'four of half a processor into two');
is(fit(9, [0, 0], memory_bytes => 1000 * $MB, nano_cpus => 1_000_000_000), 2,
   'what is short counts');
is(fit(9, [2000 * $MB, 0], memory_bytes => 1000 * $MB), 7,
   'hosts.yml may say otherwise of memory');
is(fit(9, [0, 3_000_000_000], nano_cpus => 1_000_000_000), 6,
   'and of processors');
is(fit(9, [0, 0]), 9, 'of an engine nobody has asked nothing is known');
is(told(9)->{position}, undef, 'and nobody waits');

fit(4, [0, 0], memory_bytes => 1000 * $MB);
is(told(4)->{reason}, 'every host is full', 'who does not fit is told so');


# ---- the estimate is made from starts that were measured --------------------

forget();
host_set('h', health => 'up');

sub started {
    my ($n, $took_ms) = @_;

    my $id = a_session($n);
    my ($p) = @{ dispatch(1, ['h', 1, 100, 50]) };
    script('advance', $id, $p->[1], 'c', '127.0.0.1', 1, 2, 0, 0, 'h');

    my ($s, $us) = @{ redis('TIME') };
    session($id, placed_ms => $s * 1000 + int($us / 1000) - $took_ms);
    script('commit', $id, $p->[1]);
}

my $begun = time;
started(1, 6000);
my $most = 6000 + 1000 * (time - $begun) + 100;
a_session($_) for 101 .. 112;
dispatch(50, ['h', 1, 100, 4]);

is(told(105)->{position}, 1, 'four are started at a time: the fifth is first');
my $first = told(105)->{estimate};
ok($first >= 6000 && $first < $most, 'he waits as long as a start has taken')
    or diag($first);
is(told(108)->{estimate}, $first, 'so does the fourth in line');
is(told(109)->{estimate}, 2 * $first, 'the fifth waits for two of them');

redis('DEL', 'rd:{s}:queue');
$begun = time;
started($_, 1000) for 201 .. 230;
$most = 2000 + 1000 * (time - $begun);
a_session(301);
dispatch(50, ['h', 1, 100, 0]);
my $later = told(301)->{estimate};
ok($later >= 1000 && $later < $most,
   'thirty starts later the estimate has learned') or diag($later);

# for room: until so many have ended
forget();
host_set('h', health => 'up');
started(1, 100);
started(2, 100);

my ($now) = @{ redis('TIME') };
redis('ZADD', 'rd:{s}:expiry', 1000 * ($now + 600), sprintf('%032x', 1),
      1000 * ($now + 1200), sprintf('%032x', 2));
a_session($_) for 11, 12;
dispatch(50, ['h', 1, 2, 4]);

is(told(11)->{reason}, 'every host is full', 'with no room');
ok(abs(told(11)->{estimate} - 600_000) < 5000,
   'the first in line waits until the first session ends');
ok(abs(told(12)->{estimate} - 1_200_000) < 5000, 'the second for the second');


# ---- in a herd every place is true ------------------------------------------

forget();
host_set('h', health => 'up');
a_session($_) for 1 .. 500;
dispatch(4, ['h', 1, 100, 4]);

is_deeply([map { told($_)->{position} } 5 .. 500], [1 .. 496],
          'of 500 each has his place');

done_with_scripts();
