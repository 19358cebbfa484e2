# Two nginx machines on one Redis: one dies, the other finishes its work.  And
# thirty creations while nginx reloads again and again.

use RD 'no_plan';
use RD::Machine;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|warn)/, qr/\}:session:/);
workers(2);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};
my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;

run_tests();


# ---- one of two machines dies ------------------------------------------------

my $other = RD::Machine->start;
my ($ada, $bob) = map { visitor($_) } qw(ada bob);

$docker->freeze;
is(http('POST /remote-desktop/api/create', visitor => $_,
        port => $other->port)->{code}, 200, "$_->{name} asks the other machine")
    for $ada, $bob;

ok(wait_until(10, sub {
       2 == grep { session_of($_)->{state} eq 'creating' } $ada, $bob;
   }), 'containers are being made');

$other->crash;
$docker->thaw;

is(wait_progress($_, 'ready|failed', 30)->{status}, 'ready',
   "that machine is gone, and $_->{name} gets a desktop within 30 s")
    for $ada, $bob;

ok(wait_until(20, sub {
       my @all = $docker->containers;
       return @all == 2 && slots($name) == 2;
   }), 'two containers, two slots');

api($_, 'POST destroy') for $ada, $bob;
ok(wait_until(20, sub { !$docker->containers && !slots($name) }),
   'in the end nothing is left');


# ---- thirty creations, a reload each second ----------------------------------

my @crowd = map { visitor("p$_:" . (300 + $_)) } 1 .. 30;
my $reload = time;

for my $visitor (@crowd) {
    api($visitor, 'POST create');
}

my %ready;

ok(wait_until(90, sub {
       if (time > $reload) {
           kill HUP => nginx()->pid;
           $reload = time;
       }

       for my $visitor (grep { !$ready{ $_->{id} } } @crowd) {
           my $status = progress($visitor)->{status} // '';
           $ready{ $visitor->{id} } = $status if $status =~ /ready|failed/;
       }

       return keys %ready == @crowd;
   }), 'thirty creations end while nginx reloads every second');

is((grep { $_ eq 'ready' } values %ready), 30, 'all thirty are ready');
is(scalar(my @all = $docker->containers), 30, 'none is doubled');

api($_, 'POST destroy') for @crowd;
ok(wait_until(90, sub { !$docker->containers && !slots($name) }),
   'and all are removed');
ok(wait_until(20, sub { nginx()->workers <= 2 }), 'old workers have gone');
ok(wait_until(10, sub { 30 == grep { history_of($_) == 1 } @crowd }),
   'one row of history each');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 16m
  shm_size: 1m
  cpu_limit: 0.1
--- request
GET /remote-desktop/api/status
--- error_code: 401
