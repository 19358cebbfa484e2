# What probes make of a host: when it is up, suspect or down, when it is asked
# again, and what is told of it; the scripts, answer by answer.

use strict;
use warnings;

use Test::More;
use RD::Script;

use constant INTERVAL_MS => 30_000;

my $tag = $RD::Script::Prefix;

sub host { return { @{ redis('HGETALL', "${tag}host:h") } } }

sub due {
    my ($all, @names) = @_;
    return script('host_due', 600_000, $all, @names ? @names : 'h');
}

# begins a probe and says what it saw
sub seen {
    my ($wrong, $memory, $cpus) = @_;

    my $number = due(1)->[1][1];
    my $answer = script('host_seen', 'h', $number, $wrong,
                        $wrong && "e_$wrong", $wrong && 'words', INTERVAL_MS,
                        $memory // 0, $cpus // 0, '', '');
    return [@$answer[0 .. 2]];
}

# in how many ms it is asked again, when that was set
sub again_ms { my $h = host(); return $h->{next_ms} - $h->{checked_ms} }

sub told {
    return map { "$_->{type} " . ($_->{metadata}{reason} // '') }
           grep { $_->{type} =~ /^host_/ } events_are('');
}

sub forget { redis('FLUSHALL') }


# ---- one at a time ----------------------------------------------------------

is_deeply(due(0), [600_000, ['h', 1]], 'a host nobody has asked is due');
is_deeply([@{ due(0, 'h', 'g') }[1]], [['g', 1]],
          'who is given it has it alone');
my $wait = due(0)->[0];
ok($wait > 500_000 && $wait < 600_000, 'for as long as a probe may take');
is_deeply(due(1)->[1], ['h', 2], 'unless all are asked at once');

is_deeply(script('host_seen', 'h', 1, 'daemon', 'e', 'w', INTERVAL_MS, 0, 0),
          [0], 'then the answer of the first does not count');
is(host()->{health}, undef, 'and has changed nothing');


forget();


# ---- probes that never end ---------------------------------------------------

sub due_again {
    redis('HSET', "${tag}host:h", 'next_ms', 1);
    return due(0);
}

due_again() for 1 .. 3;
is(host()->{health}, undef,
    'three probes without an answer may be those of workers that died');
due_again();
is(host()->{health}, 'down', 'after the third one the host is down');
is((told())[0], 'host_unhealthy unreachable', 'an event says so');
is_deeply(seen(''), [1, 'up', 'down'], 'a good answer brings it back');
due(1) for 1 .. 9;
due_again();
is(host()->{health}, 'up', 'reloads, which ask all at once, do not count');
forget();


# ---- up, suspect, down ------------------------------------------------------

is_deeply(seen('', 1 << 30, 2), [1, 'up', 'unknown'], 'it answers: up');
is(again_ms(), INTERVAL_MS, 'and is asked again in its time');
is(host()->{memory_bytes}, 1 << 30, 'its memory is known');

is_deeply(seen('daemon'), [1, 'suspect', 'up'], 'it does not: suspect');
is(again_ms(), 5000, 'and is asked again soon');
is(host()->{memory_bytes}, 1 << 30, 'its memory is what it was');
is(host()->{detail}, 'words', 'why is kept');
is_deeply(seen(''), [1, 'up', 'suspect'], 'it does: up');
is_deeply([told()], ['host_healthy '], 'of which nobody was told');

is_deeply([map { seen('daemon')->[1] } 1 .. 3], [qw(suspect suspect down)],
          'three in a row: down');
is_deeply([(told())[1 .. 1]], ['host_unhealthy daemon'], 'which is told');
my $since = host()->{health_ms};

my @pauses = map { my $p = again_ms(); seen('daemon'); $p } 1 .. 7;
is_deeply(\@pauses, [map { 1000 * $_ } 5, 10, 20, 40, 80, 120, 120],
          'it is asked again in 5 s, doubling to two minutes');
is(scalar told(), 2, 'which is not told again');
is(host()->{health_ms}, $since, 'it has been down since then');
is_deeply(seen('unreachable'), [1, 'down', 'down'], 'for another reason');
is((told())[-1], 'host_unhealthy unreachable', 'which is');

is_deeply(seen('', 1 << 31, 4), [1, 'up', 'down'], 'one answer and it is up');
is((told())[-1], 'host_healthy ', 'which is told');
is(host()->{memory_bytes}, 1 << 31, 'it may have been given memory');
seen('', 0, 0);
is(host()->{memory_bytes}, 1 << 31, 'an engine that does not say takes none');
seen('daemon', 1 << 20, 1);
is(host()->{memory_bytes}, 1 << 31, 'what cannot be asked has said nothing');
is(seen('daemon')->[1], 'suspect', 'failures are counted from the start');
is(seen('daemon')->[1], 'down', 'to three');
is(again_ms(), 5000, 'and so are pauses');

forget();
is(seen('unreachable')->[1], 'down', 'one that was never up is down at once');

forget();
seen('');
is(seen('no_image', 1 << 30, 1)->[1], 'down', 'so is one without the image');
is(host()->{memory_bytes}, 1 << 30, 'which still says what memory it has');

is(seen('daemon')->[1], 'down', 'and stays so when its engine hangs, too');

seen('no_image') for 1 .. 3;
seen('');
seen('no_image');
is(again_ms(), 5000, 'its pauses begin anew when it has been up');

forget();
seen('');
seen('daemon');
redis('HINCRBY', "${tag}host:h", 'failed_ms', -60_000);
is(seen('daemon')->[1], 'down', 'and one that was suspect for a minute');

forget();
seen('');
seen('daemon');
redis('HINCRBY', "${tag}host:h", 'failed_ms', -60_000);
seen('');
is(seen('daemon')->[1], 'suspect', 'a minute is not summed up');


# ---- a full disk, which no probe can see ------------------------------------

forget();
seen('');
my $number = due(1)->[1][1];

sub full { return script('host_full', 'h', 'docker_disk', 'no space')->[0] }

sub pause_ms { my $h = host(); return $h->{next_ms} - $h->{disk_ms} }

is(full(), 1, 'an engine says that its disk is full');
is(host()->{reason}, 'disk', 'which is why it is down');
is(pause_ms(), 30_000, 'for half a minute');
is(full(), 0, 'said twice it is known already');
is_deeply(script('host_seen', 'h', $number, '', '', '', INTERVAL_MS, 0, 0),
          [0], 'a probe that was under way does not bring it back');

for my $s (60, 120, 120) {
    seen('');
    full();
    is(pause_ms(), $s * 1000, "full again: $s s");
}

seen('');
redis('HINCRBY', "${tag}host:h", 'disk_ms', -600_000);
full();
is(pause_ms(), 30_000, 'full again after ten minutes: half a minute');

done_with_scripts();
