# The road, on real parts: two Docker hosts with an engine and an sshd each, the
# desktop image, CTFd's session format by its own libraries, and Chromium.

use RD 'no_plan';
use RD::Client;
use RD::DockerHost;
use RD::Place qw(free_port prefix slurp top);
use RD::Site;

use IO::Handle;
use IPC::Open2 qw(open2);
use POSIX qw(WNOHANG);

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|user)/, qr/\}:session:/,
           qr/^flask_cache_session/);
workers(2);

my @hosts = docker_hosts(2, image => 0);
my ($login_pid, @browsers);

for my $host (@hosts) {
    system(top() . '/tools/image-load.sh', $host->{docker}->socket) == 0
        or die "the desktop image could not be made\n";
}

symlink top() . '/web', prefix() . '/web';
symlink "$ENV{TEST_NGINX_BUILD}/node/node_modules/\@novnc/novnc",
        prefix() . '/novnc';

$ENV{TEST_NGINX_LOGIN_SOCK} = RD::own_redis()->socket . '.login';

$login_pid = RD::DockerHost::spawn(prefix() . '/logs/login.log',
    "$ENV{TEST_NGINX_BUILD}/venv/bin/python", top() . '/tools/login/login.py',
    '--listen', "unix:$ENV{TEST_NGINX_LOGIN_SOCK}",
    '--redis', 'unix:' . RD::own_redis()->socket,
    '--secret-file', $ENV{TEST_NGINX_SECRET_FILE}, '--site', site());

END {
    local $?;

    # a browser that is held goes when its input ends
    close $_->{in} for @browsers;

    for my $pid (grep { defined } $login_pid, map { $_->{pid} } @browsers) {
        kill TERM => $pid;
        wait_until(10, sub { waitpid($pid, WNOHANG) != 0 }) and next;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}

ok(wait_until(10, sub { -S $ENV{TEST_NGINX_LOGIN_SOCK} }),
   'the login is there');

run_tests();

sub containers { return map { $_->{docker}->containers } @hosts }


# ---- a browser --------------------------------------------------------------

sub browser {
    my (%env) = @_;

    local @ENV{map { "RD_$_" } keys %env} = values %env;
    local $ENV{RD_URL} = "http://127.0.0.1:$RD::ServerPort";
    local $ENV{RD_NODE} = "$ENV{TEST_NGINX_BUILD}/node";
    local $ENV{RD_SHOTS} = prefix();

    my $browser = { said => {} };

    $browser->{pid} = open2($browser->{out}, $browser->{in}, 'node',
                            top() . '/t/browser/desktop.mjs');
    push @browsers, $browser;

    return $browser;
}

# reads what it says up to a step; that step's line, or nothing when it failed

sub step {
    my ($browser, $want) = @_;

    return $browser->{said}{$want} if $browser->{said}{$want};

    my $out = $browser->{out};

    while (defined(my $line = <$out>)) {
        my $said = JSON::PP::decode_json($line);
        my $name = $said->{step};

        $browser->{said}{$name} = $said;
        diag($line) if $name =~ /^(?:failed|pageerror|console)$/;

        return $said if $name eq $want;
        return if $name eq 'failed' || $name eq 'done';
    }

    return;
}

sub go_on { my ($browser) = @_; print { $browser->{in} } "\n" }


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
like(slurp(prefix() . '/logs/access.log'),
     qr{"GET /remote-desktop/vnc/2/websockify HTTP/1.1" 403},
     'the gate has answered 403');


# ---- the end ----------------------------------------------------------------

go_on($ada);
like(step($ada, 'extend')->{extensions} // '', qr/1/, 'Extend counts');
go_on($ada);
ok(step($ada, 'done'), 'Stop ends it');

go_on($bob);
ok(step($bob, 'done'), "and the other one's");

ok(wait_until(30, sub { my @all = containers(); !@all }),
   'both containers are removed');

for my $browser (@browsers) {
    ok(!$browser->{said}{pageerror}, 'no page had an error');
}

__DATA__

=== TEST 1: the site is there
--- http_config eval
$RD::Site::Http . <<'END'
    include /etc/nginx/mime.types;
    upstream login { server unix:$TEST_NGINX_LOGIN_SOCK; }
END
--- config
include $TEST_NGINX_TOP/conf/desktop.inc;
location / {
    proxy_pass http://login;
    proxy_set_header Host $http_host;
}
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
