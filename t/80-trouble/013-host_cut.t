# A host is cut off in the middle, another one dies: what was begun there ends
# somewhere, and what is left there is removed when the host is back.

use RD 'no_plan';
use RD::Chaos;
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|warn)/, qr/\}:session:/);

my ($far) = docker_hosts(1, netns => 1);
my (undef, $near) = docker_hosts(1);

# docker_hosts numbers its hosts: 1 is the far one
$ENV{TEST_NGINX_FAR} = $far->{sshd}->yaml(weight => 100);

our ($ada, $bob) = map { visitor($_) } qw(ada bob);

sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }
sub on { my ($host) = @_; return scalar(my @all = $host->{docker}->containers) }

run_tests();


# ---- cut off with a desktop on it -------------------------------------------

api($ada, 'POST create');
is(wait_progress($ada, 'ready|failed')->{status}, 'ready', 'ada has a desktop');
is(session_of($ada)->{host}, name($far), 'on the far host');

$far->{docker}->cut;

api($bob, 'POST create');
is(wait_progress($bob, 'ready|failed', 60)->{status}, 'ready',
   'the far host is cut off: bob gets a desktop');
is(session_of($bob)->{host}, name($near), 'on the near one');
is(progress($ada)->{status}, 'ready',
   'the session of ada is kept: nobody knows that it is gone');

api($ada, 'POST destroy');
is(session_of($ada)->{state}, 'stopping',
   'she presses Stop: it is stopping until somebody confirms');

$far->{docker}->heal;

ok(wait_until(60, sub {
       on($far) == 0 && !slots(name($far));
   }), 'the host comes back: its containers are removed, its slots are free');
ok(wait_until(10, sub { session_of($ada)->{state} eq 'ended' }),
   'and the session has ended');
is(scalar(my @rows = history_of($ada)), 1, 'with one row of history');
is(on($near), 1, 'the live desktop is left alone');
afterwards('a host cut off with a desktop on it', $far, $near);

api($bob, 'POST destroy');
ok(wait_until(20, sub { on($near) == 0 }), 'until it is stopped');


# ---- an engine dies in mid-create --------------------------------------------

# the far host may still be under suspicion
ok(wait_until(60, sub {
       (redis('HGET', 'rd:{test}:host:' . name($far), 'health') // 'up') eq 'up'
   }), 'the far host is fit again');

$far->{docker}->freeze;
api($ada, 'POST create');
ok(wait_until(10, sub { session_of($ada)->{state} eq 'creating' }),
   'a container is being made on the far host');
$far->{docker}->stop;

is(wait_progress($ada, 'ready|failed', 60)->{status}, 'ready',
   'its engine dies: the desktop comes from the near host');
is(session_of($ada)->{host}, name($near), 'indeed');
afterwards('an engine killed in mid-create', $near);
is(session_of($ada)->{state}, 'ready', 'the desktop stays');

api($ada, 'POST destroy');
ok(wait_until(20, sub { on($near) == 0 }), 'and nothing is left');

__DATA__

=== TEST 1: nginx starts
--- http_config eval
$RD::Site::Http . "rd_probe_interval 1s;\nrd_sweep_interval 2s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_FAR
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
  memory_limit: 64m
--- request
GET /remote-desktop/api/status
--- error_code: 401
