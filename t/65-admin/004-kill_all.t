# Kill and kill-all on real Docker hosts.

use RD 'no_plan';
use RD::Events;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|warn|history)/, qr/\}:session:/);

my @hosts = docker_hosts(2);

run_tests();

sub desktops {
    return scalar(my @all = map { $_->{docker}->containers } @hosts);
}

my $admin = visitor('admin');
my @who = map { visitor("p$_:" . (400 + $_)) } 1 .. 4;

api($_, 'POST create') for @who;
is(wait_progress($_, 'ready|failed')->{status}, 'ready',
   "$_->{name} has a desktop") for @who;

my $res = admin_api($admin, 'POST kill', 'user_id=401');
is($res->{code}, 200, 'an administrator kills one') or diag($res->{body});
ok(wait_until(20, sub { desktops() == 3 }), 'its container is removed');
ok(wait_until(10, sub { history_of($who[0]) == 1 }), 'history has a row');
is((history_of($who[0]))[0]{reason}, 'admin_killed', 'that says why');

$res = admin_api($admin, 'POST kill-all');
is($res->{code}, 200, 'then all');
is($res->{json}{killed}, 3, 'which are three');
ok(wait_until(20, sub { desktops() == 0 }), 'all containers are removed');
ok(wait_until(10, sub { 4 == grep { history_of($_) == 1 } @who }),
   'one row of history each');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
  memory_limit: 64m
--- request
GET /remote-desktop/api/status
--- error_code: 401
