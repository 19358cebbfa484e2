# A desktop whose container has died is over for its player within seconds of
# the first connection that is refused, not at the next sweep of the host; and
# nobody can make nginx sweep without a pause.

use RD 'no_plan';
use RD::Place qw(slow_factor);
use RD::Site;
use RD::Tunnel;

use Time::HiRes qw(time);

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};

run_tests();

my ($ada, $bob) = (visitor('ada'), visitor('bob'));
my $tag = 'rd:{' . site() . '}:';

api($_, 'POST create') for $ada, $bob;
is(wait_progress($_, 'ready|failed')->{status}, 'ready', 'a desktop is ready')
    for $ada, $bob;

my $sweep = "${tag}sweep:" . session_of($ada)->{host};

sub sweeps { return redis('HGET', $sweep, 'number') }

ok(wait_until(20, sub { (redis('HGET', $sweep, 'last_ok_ms') // 0)
                        > session_of($bob)->{ready_ms} })
   || (redis('HSET', $sweep, 'next_ms', 1)
       && wait_until(20, sub { (redis('HGET', $sweep, 'last_ok_ms') // 0)
                               > session_of($bob)->{ready_ms} })),
   'the host has just been swept');


# ---- bounds: a port refuses, its container lives ----------------------------

my $first = sweeps();
my $began = time;
my $bobs = session_of($bob)->{id};

redis('HSET', "${tag}session:$bobs", 'web_port', 1);
redis('DEL', "${tag}ready:3");

is(tunnel($bob, 3), 502, 'a port that refuses is a 502') for 1 .. 40;

ok(wait_until(10, sub { sweeps() > $first }), 'it forces a sweep');
is(tunnel($bob, 3), 502, 'which finds his container alive');
is(session_of($bob)->{state}, 'ready', 'so his session stays');
cmp_ok(sweeps() - $first, '<=', 1 + (time - $began) / 10,
       'one session forces one sweep in ten seconds, not forty');


# ---- a container that has died -----------------------------------------------

my $tunnel = tunnel($ada, 2);

$docker->docker('kill', session_of($ada)->{container});
is($tunnel->websocket_receive(20), 'eof', 'the tunnel into it ends');

is(tunnel($ada, 2), 502, 'the gate cannot connect');
$began = time;
ok(wait_until(4, sub { !api($ada, 'GET status')->{json}{session} }),
   'so the session ends')
    or diag(sprintf 'still ready after %.0f s', time - $began);
is(session_of($ada)->{reason}, 'reconciliation', 'as one without a container');

api($_, 'POST destroy') for $ada, $bob;
ok(wait_until(20, sub { !$docker->containers }), 'nothing is left on the host');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
--- request
GET /remote-desktop/api/status
--- error_code: 401
