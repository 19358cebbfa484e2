# What becomes of desktops when nginx is stopped, reloaded, or replaced.

use RD 'no_plan';
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|ready|live|expiry|slots|warn|events|history)/,
           qr/\}:session:/);
workers(2);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};

our ($ada, $bob) = map { visitor($_) } qw(ada bob);

sub begin {
    my ($what) = @_;

    api($_, 'POST create') for $ada, $bob;
    is(wait_progress($_, 'ready|failed')->{status}, 'ready',
       "$what: $_->{name} has a desktop") for $ada, $bob;
}

sub desktops { return scalar(my @all = $docker->containers) }

sub ended {
    begin('to be ended');
    my $old = join ' ', nginx()->workers;
    kill HUP => nginx()->pid;
    ok(wait_until(10, sub { my %now = map { $_ => 1 } nginx()->workers;
                            return !grep { $now{$_} } split ' ', $old }),
       'a reload: other workers');
    is(desktops(), 2, 'a reload ends nobody');

    nginx()->stop;
    is(desktops(), 0, 'a stop ends all, before nginx has gone');
    is((history_of($_))[-1]{reason}, 'drained', "$_->{name}: and says why")
        for $ada, $bob;
}

sub bounded {
    begin('to be ended by an engine that hangs');
    $docker->freeze;

    my $begun = time;
    ok(nginx()->stop, 'an engine hangs: nginx stops all the same');
    cmp_ok(time - $begun, '<=', 3 + 12 * RD::Place::slow_factor(),
           'in the time that was given, not in that of a removal');
    ok(error_log() =~ /not all sessions could be ended in time/,
       'and says that something was left');
    $docker->thaw;
}

sub swept_up {
    ok(wait_until(30, sub { !desktops() }),
       'the next start removes what was left');
    ok(wait_until(10, sub { 2 == grep { session_of($_)->{state} eq 'ended' }
                                 $ada, $bob }), 'and ends the sessions');
}

sub kept {
    begin('to be kept');
    nginx()->stop;
    is(desktops(), 2, 'by default a stop keeps all desktops');
}

sub found_again {
    is(progress($_)->{status}, 'ready', "$_->{name} finds his desktop again")
        for $ada, $bob;
    my $pid = nginx()->pid;

    # the master makes a new one of the same binary, the old one leaves
    kill USR2 => $pid;
    ok(wait_until(10, sub { (nginx()->pid // $pid) != $pid }),
       'an upgrade: there is a second master');
    kill QUIT => $pid;
    ok(wait_until(20, sub { !-d "/proc/$pid" || !kill 0 => $pid }),
       'the first one leaves');
    is(desktops(), 2, 'an upgrade ends nobody');
    is(progress($_)->{status}, 'ready', "$_->{name} does not notice")
        for $ada, $bob;

    api($_, 'POST destroy') for $ada, $bob;
    ok(wait_until(20, sub { !desktops() }), 'in the end nothing is left');
}

run_tests();

__DATA__

=== TEST 1: rd_end_on_stop
--- http_config eval
$RD::Site::Http . "rd_end_on_stop 20s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
--- init
ended();


=== TEST 2: with an engine that hangs
--- http_config eval
$RD::Site::Http . "rd_end_on_stop 3s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
--- init
bounded();


=== TEST 3: nginx comes back
--- http_config eval
$RD::Site::Http . "rd_end_on_stop 4s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
--- init
swept_up();


=== TEST 4: without it
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
--- init
kept();


=== TEST 5: and back again
--- http_config eval
$RD::Site::Http . "rd_end_on_stop 21s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
--- init
found_again();
