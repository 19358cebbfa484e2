# Placement counts recent failures of creates against a host, so that hosts
# which fail at once do not attract every session.

use strict;
use warnings;

use Test::More;
use RD::Script;
use RD::Place qw(wait_until);
use Time::HiRes qw(time);

use constant { HOSTS => 172, ABLE => 42, CREATIONS => 1600, ATTEMPTS => 3,
               CREATE_S => 0.3, BOUND_S => 90 };

my $tag = $RD::Script::Prefix;

sub claim {
    my ($n) = @_;

    my $id = sprintf '%032x', $n;
    my $answer = script('claim', $id, $n, "user$n", "user$n", 'pw', 3600, 1200,
                        3, 'docker', 0, 1000, 100_000, 0);

    $answer->[0] == 1 or die "user $n got no session\n";
    return $id;
}

sub fails {
    my ($id, $epoch, $hosts, $error) = @_;

    my @why = ($error // 'docker_refused', 'it fails at once');
    my $again = script('retry', $id, $epoch, @why, ATTEMPTS, $hosts, 0);

    return 1 if $again->[0] == 1;
    script('fail', $id, $epoch, $why[0], 'a sentence', $why[1], 0);
    return 0;
}

sub succeeds {
    my ($id, $epoch) = @_;

    advance($id, $epoch);
    script('commit', $id, $epoch);
}

# The life of these sessions on these hosts, of which some are able, a create
# takes CREATE_S there and fails at once elsewhere: how many became ready, and
# how many creates failed.

sub serve {
    my ($able, $hosts, @ids) = @_;

    my ($open, $ready, $failures) = (scalar @ids, 0, 0);
    my $deadline = time + BOUND_S;
    my @creates;

    while ($open && time < $deadline) {
        my $placed = dispatch(64, @$hosts);

        for my $p (@$placed) {
            my ($id, $epoch, $host) = @$p[0, 1, 3];

            if ($able->{$host}) {
                push @creates, [time + CREATE_S, $id, $epoch];
                next;
            }

            $failures++;
            $open-- if !fails($id, $epoch, scalar @$hosts);
        }

        while (@creates && $creates[0][0] <= time) {
            my (undef, @create) = @{ shift @creates };
            succeeds(@create);
            $ready++;
            $open--;
        }

        wait_until(1, sub { !@creates || $creates[0][0] <= time })
            if !@$placed;
    }

    return ($ready, $failures);
}

sub fleet { return map { [sprintf('h%03d', $_), 1, 50, 4] } 1 .. $_[0] }

# every fourth one or so, spread over the names
sub able {
    my ($able, @hosts) = @_;

    return { map { $hosts[int($_ * @hosts / $able)][0] => 1 } 0 .. $able - 1 };
}


# ---- a herd on a fleet of which a quarter is able ---------------------------

my @hosts = fleet(HOSTS);
my ($ready, $failures) = serve(able(ABLE, @hosts), \@hosts,
                               map { claim($_) } 1 .. CREATIONS);

diag("$ready of @{[CREATIONS]} creations succeeded, $failures creates failed");
is($ready, CREATIONS, 'with 42 able hosts of 172 every creation succeeds');
ok($failures < CREATIONS, 'and most of them at the first attempt');


# ---- one good host among many bad ones --------------------------------------

redis('FLUSHALL');
($ready, $failures) = serve({ h017 => 1 }, [fleet(40)], claim(1));
is($ready, 1, 'the one able host of 40 is found by a single session');

($ready, $failures) = serve({ h017 => 1 }, [fleet(40)],
                            map { claim($_) } 2 .. 30);
is($ready, 29, 'later sessions are placed on it');
ok($failures <= 29, 'and try another host once at most')
    or diag("$failures failures");


# ---- it orders hosts, and says nothing of their health ----------------------

sub fields { return { @{ redis('HGETALL', "${tag}host:$_[0]") } } }

# fails once on h, which is the only host
sub one_failure {
    redis('FLUSHALL');
    my ($id, $epoch) = placed(1);
    is(fails($id, $epoch, 1), 0, 'a session fails on the only host');
}

one_failure();
is(fields('h')->{health}, undef, 'a failed create is no health value');
is((placed(2))[0], sprintf('%032x', 2),
   'the next session is placed there at once, for there is no other');

one_failure();
claim(3);
is(dispatch(1, ['h'], ['i'])->[0][3], 'i', 'another host is preferred');
claim($_) for 4 .. 6;
is_deeply([map { $_->[3] } @{ dispatch(3, ['h'], ['i']) }], [qw(i i i)],
          'also with more sessions than the one that failed');
claim(7);
is_deeply(dispatch(1, ['h'], ['i']), [],
          'a session waits for a busy host rather than try one that failed');

redis('HSET', "${tag}host:h", 'create_fails_ms', now_ms() - 3000);
my $trial = dispatch(1, ['h'], ['i'])->[0];
is($trial->[3], 'h', 'after a pause one session tries it again');
claim(8);
is_deeply(dispatch(1, ['h'], ['i']), [], 'and only one');
succeeds(@$trial[0, 1]);
is(dispatch(1, ['h'], ['i'])->[0][3], 'h',
   'a desktop that becomes ready clears the record');

one_failure();
redis('HSET', "${tag}host:h", 'create_fails_ms', now_ms() - 600_000);
claim(9);
is(dispatch(1, ['h'], ['i'])->[0][3], 'h',
   'one failure is forgotten after ten minutes');

redis('FLUSHALL');
my ($id, $epoch) = placed(1);
fails($id, $epoch, 2, 'no_memory');
is(fields('h')->{create_fails}, undef,
   'a failure of ours is not counted against the host');


# ---- attempts that take long are limited in number --------------------------

sub spent {
    my ($attempts, $ms) = @_;

    redis('FLUSHALL');
    my ($id, $epoch) = placed(1);
    session($id, attempts => $attempts, spent_ms => $ms);
    return fails($id, $epoch, 5) ? 'another host' : 'failed';
}

is(spent(3, 20_000), 'failed', 'the third attempt after 20 s is the last');
is(spent(2, 20_000), 'another host', 'the second one is not');
is(spent(9, 1000), 'another host', 'nor the ninth after one second');


# ---- a session that has failed waits for a host that has not ----------------

redis('FLUSHALL');
($id, $epoch) = placed(1, ['h']);
fails($id, $epoch, 3);
redis('HSET', "${tag}host:i", 'create_fails', 1,
      'create_fails_ms', now_ms() - 10_000);
my $first = claim(2);

is_deeply([map { $_->[0] } @{ dispatch(9, ['h'], ['i'], ['j', 1, 100, 0]) }],
          [$first], 'only a session without a failure tries a host again');

done_with_scripts();
