# A worker is killed at every step, and nobody is stuck.

use RD 'no_plan';
use RD::Chaos;
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|warn)/, qr/\}:session:/);
allow_log(qr/exited on signal 9/);
workers(2);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};
my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;

$docker->docker('import', '--change', 'CMD ["/desktop"]',
    '--change', 'EXPOSE 5900 6080', '--change', 'ENV DESKTOP_DELAY_MS=6000',
    "$ENV{TEST_NGINX_BUILD}/test-image/desktop.tar", 'rd-test-late:latest');

$ENV{TEST_NGINX_ONE} = $host->{sshd}->yaml(max_sessions => 1);

our ($ada, $bob) = map { visitor($_) } qw(ada bob);

sub settled {
    my ($what, @live) = @_;

    ok(wait_until(30, sub {
           my @containers = $docker->containers;
           return @containers == @live && slots($name) == @live;
       }), "$what: containers and slots are those of live sessions");
    afterwards($what, $host) if $what !~ /^stopping$/;
}

sub end_all {
    my ($what) = @_;

    api($_, 'POST destroy') for $ada, $bob;
    settled("$what, in the end");
}

sub rows { my ($visitor) = @_; return scalar(my @rows = history_of($visitor)) }

sub while_creating {
    $docker->freeze;
    api($ada, 'POST create');
    ok(wait_until(5, sub { session_of($ada)->{state} eq 'creating' }),
       'creating: the engine is being asked');
    my $epoch = session_of($ada)->{epoch};
    kill_workers();
    $docker->thaw;

    is(wait_progress($ada, 'ready|failed', 30)->{status}, 'ready',
       'creating: another worker goes on, within 30 s');
    cmp_ok(session_of($ada)->{epoch}, '>', $epoch,
           'creating: with a higher epoch');
    settled('creating', $ada);
    end_all('creating');
    ok(wait_until(5, sub { rows($ada) == 1 }), 'creating: one row of history');
}

sub while_ready {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready', 'ready: it is');
    my $id = session_of($ada)->{id};
    kill_workers();
    is(progress($ada)->{session}{id}, $id, 'ready: it is the same afterwards');
    settled('ready', $ada);
}

sub while_stopping {
    $docker->freeze;
    api($ada, 'POST destroy');
    is(session_of($ada)->{state}, 'stopping', 'stopping: nobody confirms yet');
    kill_workers();
    $docker->thaw;
    settled('stopping');
    ok(wait_until(15, sub { session_of($ada)->{state} eq 'ended' }),
       'stopping: it ends');
    is(rows($ada), 2, 'stopping: one row more');
}

sub while_queued {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'queued: the host has room for one');
    api($bob, 'POST create');
    ok(wait_until(5, sub { progress($bob)->{position} }),
       'queued: the other one waits');
    kill_workers();
    is(progress($bob)->{position}, 1, 'queued: he keeps his place');
    api($ada, 'POST destroy');
    is(wait_progress($bob, 'ready|failed', 30)->{status}, 'ready',
       'queued: and gets his turn');
    settled('queued', $bob);
    end_all('queued');
}

sub while_starting {
    api($ada, 'POST create');
    is(wait_progress($ada, 'waiting_vnc')->{status}, 'waiting_vnc',
       'starting: the container runs, its desktop does not answer yet');
    my $container = session_of($ada)->{container_id};
    kill_workers();
    is(wait_progress($ada, 'ready|failed', 30)->{status}, 'ready',
       'starting: another worker waits for it');
    is(session_of($ada)->{container_id}, $container,
       'starting: the container is the same');
    settled('starting', $ada);
    end_all('starting');
}

run_tests();

__DATA__

=== TEST 1: killed while the container is created, while ready, while stopping
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
  cpu_limit: 0.1
--- init
while_creating();
while_ready();
while_stopping();


=== TEST 2: killed while somebody waits
--- hosts
workspace_hosts:
$TEST_NGINX_ONE
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
  cpu_limit: 0.1
--- init
while_queued();


=== TEST 3: killed while the desktop starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-late:latest
container_defaults:
  memory_limit: 64m
  cpu_limit: 0.1
--- init
while_starting();
