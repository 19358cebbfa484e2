# Something dies in the middle of a creation, in the moments that take a held
# step to hit: afterwards everything agrees.

use RD 'no_plan';
use RD::Chaos;
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|ready|live|expiry|slots|warn|events|history)/,
           qr/\}:session:|flask_cache|\}:user:/);
allow_log(qr/exited on signal 9/);
workers(2);

my ($far) = docker_hosts(1, netns => 1);
my (undef, $near) = docker_hosts(1);
my @hosts = ($far, $near);
my $tag = 'rd:{' . RD::site() . '}:';

# the far one is always the first choice
$ENV{TEST_NGINX_FAR} = $far->{sshd}->yaml(weight => 1000);

our ($ada, @crowd) = map { visitor("p$_:" . (500 + $_)) } 1 .. 7;

sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }

sub state_is {
    my ($state, @who) = @_;

    return wait_until(10, sub {
        @who == grep { (session_of($_)->{state} // '') eq $state } @who;
    });
}

sub fit {
    return wait_until(90, sub {
        2 == grep { (redis('HGET', "${tag}host:" . name($_), 'health') // '')
                    eq 'up' } @hosts;
    });
}

sub all_stop {
    my ($what, @who) = @_;

    api($_, 'POST destroy') for @who;
    afterwards("$what, then all stop", @hosts);
    is((map { $_->{docker}->containers } @hosts)[0], undef,
       "$what: nothing is left");
}

# ---- a worker, before the engine is asked -----------------------------------

sub before_create {
    my $what = 'killed before the engine is asked';

    ok(fit(), "$what: both hosts are fit");
    $far->{docker}->cut;
    api($ada, 'POST create');
    ok(state_is('creating', $ada), "$what: the host is not reached");
    kill_workers();
    $far->{docker}->heal;

    is(wait_progress($ada, 'ready|failed', 40)->{status}, 'ready',
       "$what: another one goes on");
    afterwards($what, @hosts);
    all_stop($what, $ada);
}

# ---- a worker, when the container is there and Redis does not know ----------

sub after_create {
    my $what = 'killed between create and commit';

    ok(fit(), "$what: both hosts are fit");
    $far->{docker}->freeze;
    api($ada, 'POST create');
    ok(state_is('creating', $ada), "$what: the engine is being asked");

    kill STOP => own_redis()->pid;
    $far->{docker}->thaw;
    ok(wait_until(20, sub { scalar(my @all = $far->{docker}->containers) }),
       "$what: the container is there, its worker can tell nobody");
    kill_workers();
    kill CONT => own_redis()->pid;

    ok(wait_until(10, sub { api($ada, 'GET status')->{code} == 200 }),
       "$what: Redis is back");
    is(wait_progress($ada, 'ready|failed', 40)->{status}, 'ready',
       "$what: another one goes on");
    afterwards($what, @hosts);
    all_stop($what, $ada);
}

# ---- a host, while desktops are made on it ----------------------------------

sub host_cut {
    my $what = 'a host cut off in mid-create';

    ok(fit(), "$what: both hosts are fit");
    $far->{docker}->freeze;
    api($_, 'POST create') for @crowd[0, 1];
    ok(state_is('creating', @crowd[0, 1]), "$what: two are being made");
    $far->{docker}->cut;
    $far->{docker}->thaw;

    is(wait_progress($_, 'ready|failed', 60)->{status}, 'ready',
       "$what: $_->{name} gets one elsewhere") for @crowd[0, 1];
    $far->{docker}->heal;
    ok(fit(), "$what: it is back");
    wait_until(60, sub { !$far->{docker}->containers });
    afterwards($what, @hosts);
    all_stop($what, @crowd[0, 1]);
}

# ---- Redis, while desktops are made -----------------------------------------

sub redis_restarts {
    my $what = 'Redis restarts in mid-create';

    ok(fit(), "$what: both hosts are fit");
    api($_, 'POST create') for @crowd;
    redis('SAVE');
    own_redis()->stop('KILL');
    own_redis()->start;

    ok(wait_until(10, sub { api($ada, 'GET status')->{code} == 200 }),
       "$what: it is back with what it knew");
    wait_progress($_, 'ready|failed|none', 40) for @crowd;
    afterwards($what, @hosts);
    all_stop($what, @crowd);
}

sub redis_pauses {
    my $what = 'Redis pauses for ten seconds';

    ok(fit(), "$what: both hosts are fit");
    api($_, 'POST create') for @crowd[0 .. 2];
    redis('CLIENT', 'PAUSE', 10000);
    http('POST /remote-desktop/api/create', visitor => $_, timeout => 20)
        for @crowd[3 .. 5];

    ok(wait_until(30, sub { api($ada, 'GET status')->{code} == 200 }),
       "$what: it goes on");
    wait_progress($_, 'ready|failed|none', 40) for @crowd;
    afterwards($what, @hosts);
    all_stop($what, @crowd);
}

# ---- would it be noticed? ---------------------------------------------------

sub planted {
    my $id = sprintf '%032x', 999;
    my $on = name($near);
    my %plant = (
        'a slot'      => ['SADD', "${tag}slots:$on", $id],
        'a create'    => ['SADD', "${tag}creates:$on", $id],
        'a claim'     => ['SET', "${tag}owner:999", $id],
        'a lease'     => ['ZADD', "${tag}lease", 9e15, $id],
        'a record'    => ['HSET', "${tag}session:$id", 'id', $id, 'state',
                          'ready', 'container', 'rd-x', 'host', $on],
        'an end without history'
                      => ['HSET', "${tag}session:$id", 'id', $id, 'state',
                          'ended', 'reason', 'expired'],
    );

    is_deeply([RD::Chaos::wrong(@hosts)], [], 'nothing is planted yet');

    for my $what (sort keys %plant) {
        redis(@{ $plant{$what} });
        ok(scalar(my @all = RD::Chaos::wrong(@hosts)), "$what is noticed");
        redis('DEL', $plant{$what}[1]);
    }

    $near->{docker}->docker('create', '--name', 'rd-planted',
                            'rd-test-desktop:latest');
    ok(scalar(my @all = RD::Chaos::wrong(@hosts)), 'a container is noticed');
    $near->{docker}->docker('rm', '-f', 'rd-planted');
}

run_tests();

__DATA__

=== TEST 1: one after the other
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
--- init
before_create();
after_create();
host_cut();
redis_restarts();
redis_pauses();
planted();
