# The road, on real parts: two Docker hosts with an engine and an sshd each, the
# desktop image, CTFd's session format by its own libraries, and Chromium.

use RD 'no_plan';
use RD::Browser;
use RD::Client;
use RD::DockerHost;
use RD::Place qw(prefix slurp);
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|user)/, qr/\}:session:/,
           qr/^flask_cache_session/);
workers(2);

my @hosts = docker_hosts(2, image => 0);

desktop_image(@hosts);
serve_pages();
ok(start_login(RD::own_redis()->socket, site()), 'the login is there');

run_tests();

sub containers { return map { $_->{docker}->containers } @hosts }


# ---- ada --------------------------------------------------------------------

my $ada = browser(USER => 'ada', HOLD => 'type,extend',
                  STEPS => 'login,start,desktop,type,extend,stop');

ok(step($ada, 'login'), 'Chromium logs in');

my $start = step($ada, 'start');
ok($start, 'presses Start');
like("@{ $start->{said} // [] }", qr/Starting container on/,
     'and is told what happens');

my $desktop = step($ada, 'desktop');
cmp_ok($desktop->{colours} // 0, '>', 1, 'sees a desktop with its colours');
like($desktop->{clock} // '', qr/^(?:1:00:00|59:\d\d)$/,
     'and the time that is left');

ok(step($ada, 'type'), 'types into the terminal');

my ($where) = grep { my @all = $_->{docker}->containers; @all } @hosts;
my ($container) = $where->{docker}->containers;

ok(wait_until(20, sub {
       my $text = eval {
           $where->{docker}->docker('exec', $container, 'cat', '/tmp/typed');
       };
       return ($text // '') =~ /^ok$/;
   }), 'and the file exists in the container');

my $processes = $where->{docker}->docker('top', $container, '-eo', 'pid,args');
my ($id) = (map { redis('GET', "rd:{test}:owner:$_") } 2)[0];
my $password = redis('HGET', "rd:{test}:session:$id", 'vnc_password');

planted_secret($password);
like($password, qr/^\S{8}$/, 'the desktop has a password');
unlike($processes, qr/\Q$password\E/, 'that stands on no command line in it');
unlike(slurp(prefix() . '/logs/access.log'), qr/\Q$password\E/,
       'and in no URL');


# ---- bob, at the same time --------------------------------------------------

my $bob = browser(USER => 'bob', STEPS => 'login,start,desktop,intruder,stop',
                  OWNER => 2, HOLD => 'intruder');

ok(step($bob, 'desktop'), 'a second player gets a desktop, too');

is(join(' ', map { scalar(my @all = $_->{docker}->containers) } @hosts), '1 1',
   'on the other host');

is(step($bob, 'intruder')->{open}, JSON::PP::false(),
   "his browser cannot open the first one's desktop");
ok(wait_until(5, sub {
       slurp(prefix() . '/logs/access.log')
           =~ m{"GET /remote-desktop/vnc/2/websockify HTTP/1.1" 403};
   }), 'the gate has answered 403');


# ---- the end ----------------------------------------------------------------

go_on($ada);
like(step($ada, 'extend')->{extensions} // '', qr/1/, 'Extend counts');
go_on($ada);
ok(step($ada, 'done'), 'Stop ends it');

go_on($bob);
ok(step($bob, 'done'), "and the other one's");

ok(wait_until(30, sub { my @all = containers(); !@all }),
   'both containers are removed');

for my $browser (browsers()) {
    ok(!$browser->{said}{pageerror}, 'no page had an error');
}

__DATA__

=== TEST 1: the site is there
--- http_config eval
$RD::Site::Http . $RD::Browser::Http
--- config eval
$RD::Browser::Config
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
container_defaults:
  memory_limit: 1g
  resolution: 1024x768
--- request
GET /remote-desktop
--- response_body_like: <title>
