# The estimate of a waiting session: a number when there is one, and otherwise
# unknown; each reason has a code.

use strict;
use warnings;

use Test::More;
use RD::Script;

my $tag = $RD::Script::Prefix;

# what the session of user $n is told
sub told {
    my ($n) = @_;

    my $look = script('look', $n);
    return { position => $look->[3], estimate => $look->[4],
             reason => $look->[5], code => $look->[6] };
}

# user 1 waits for hosts (named h0, h1, ...) with these fields
sub waiting {
    my ($limits, @hosts) = @_;

    redis('FLUSHALL');
    host_set("h$_", health => 'up', mode => 'active', %{ $hosts[$_] })
        for 0 .. $#hosts;
    a_session(1);
    dispatch(9, map { ["h$_", 1, @$limits] } 0 .. $#hosts);
    return told(1);
}

my %down = (health => 'down');
my $small = { %down, reason => 'too_small', memory_bytes => 4 << 30,
              needs => '8.0 GiB of memory', has => '4.0 GiB' };


# ---- full -------------------------------------------------------------------

my $told = waiting([0, 4], {});
is($told->{code}, 'full', 'a full host');
is($told->{estimate}, -1, 'of which nothing ends soon: the wait is unknown');

redis('ZADD', "${tag}expiry", now_ms() + 600_000, 'f' x 32);
ok(abs(told(1)->{estimate} - 600_000) < 60_000,
   'with a session that ends in 10 minutes the first in line waits so long');
a_session(2);
dispatch(9, ['h0', 1, 0, 4]);
is(told(2)->{estimate}, -1, 'how long the second one waits is unknown');


# ---- other reasons ----------------------------------------------------------

for (['busy', [100, 0], {}], ['down', [100, 4], \%down],
     ['no_image', [100, 4], { %down, reason => 'no_image' }],
     ['disk_full', [100, 4], { %down, reason => 'disk' }],
     ['closed', [100, 4], { mode => 'cordoned' }],
     ['down', [100, 4], { %down, reason => 'disk' }, \%down],
     ['down', [100, 4], { %down, reason => 'no_image' }, $small],
     ['full', [0, 4], {}, $small])
{
    my ($code, @hosts) = @$_;
    $told = waiting(@hosts);
    is($told->{code}, $code, "code $code: $told->{reason}");

    $code eq 'busy' ? ok($told->{estimate} > 0, 'which passes')
                    : is($told->{estimate}, -1, 'nobody can say how long');
}

redis('FLUSHALL');
a_session(1);
is(told(1)->{code}, 'choosing', 'before a host is chosen');


# ---- no host is large enough ------------------------------------------------

sub create {
    return script('claim', sprintf('%032x', 7), 7, 'user7', 'user7', 'pw', 3600,
                  1200, 3, 'docker', 0, 1000, 1000, 0, '',
                  map { ("h$_", 1) } 0 .. $_[0]);
}

redis('FLUSHALL');
host_set('h0', %$small, memory_bytes => 2 << 30, has => '2.0 GiB');
host_set('h1', %$small);
is_deeply(create(1), [-4, 'a desktop needs 8.0 GiB of memory, the largest host '
                          . 'has 4.0 GiB'],
          'no host is large enough: a create is refused with the numbers');
is(create(2)->[0], 1, 'with a host that nobody has probed yet it is not');

dispatch(9, ['h0'], ['h1'], ['h2', 1, 0]);
is(session(sprintf '%032x', 7)->{state}, 'queued', 'the session waits');
dispatch(9, ['h0'], ['h1']);
my $s = session(sprintf '%032x', 7);
is($s->{state}, 'failed', 'when only too small hosts are left it fails');
is($s->{error}, 'host_too_small', 'with the code');
like($s->{message}, qr/largest host has 4\.0 GiB/, 'and the numbers');
is(redis('EXISTS', "${tag}owner:7"), 0, 'its user is free');

done_with_scripts();
