# One host whose sshd cannot be reached for a moment, or that lets in only so
# many connections: players wait and get their desktops, ends are carried out.

use RD 'no_plan';
use RD::Events;
use RD::Site;

use constant PLAYERS => 6;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);
workers(4);

my ($host) = docker_hosts(1, netns => 1);
my $docker = $host->{docker};
my $name = $host->{sshd}->address . ':2222';
my $key = 'rd:{' . RD::site() . "}:host:$name";
my ($admin, $ada) = map { visitor($_) } qw(admin ada);
my @players = map { visitor("p$_:" . (500 + $_)) } 1 .. PLAYERS;

sub health { my ($field) = @_; redis('HGET', $key, $field) // '' }
sub count { my ($what) = @_; return scalar(() = error_log() =~ /$what/g) }

my @new = qw(INPUT -p tcp --dport 2222 --syn);
my @refuse = (@new, qw(-j REJECT --reject-with tcp-reset));

run_tests();

ok(wait_until(30, sub { health('health') eq 'up' }), 'the host is up');

# ---- refused for a moment ----------------------------------------------------

$docker->_iptables('filter', '-I', @refuse);
api($ada, 'POST create');
ok(wait_until(10, sub { health('away') ne '' && health('away') > 1 }),
    'a connection fails, and so does the next probe');
is(session_of($ada)->{state}, 'queued', 'the player waits in the queue');
like(session_of($ada)->{waited}, qr/connection to the desktop host failed/,
    '... and is told why');
is(session_of($ada)->{tried} // '', '', '... the host is not given up');

$docker->_iptables('filter', '-D', @refuse);
is(wait_progress($ada, 'ready|failed', 30)->{status}, 'ready',
    'the desktop comes when the host is back');
is(session_of($ada)->{attempts}, 1, '... a try that did not reach it is free');

# ---- a firewall that counts --------------------------------------------------

$docker->_iptables('filter', '-I', @refuse);
$docker->_iptables('filter', '-I', @new,
    qw(-m limit --limit 20/min --limit-burst 2 -j ACCEPT));

api($_, 'POST create') for @players;

my $ready = sub { scalar grep { progress($_)->{status} eq 'ready' } @players };
ok(wait_until(90, sub { $ready->() == PLAYERS }),
    'all players get their desktops through it')
    or diag(map { progress($_)->{status} . ' ' } @players);

my $before = count(qr/container not yet removed/);
admin_api($admin, 'POST kill-all');
ok(wait_until(90, sub { !$docker->containers }), 'all containers end');
cmp_ok(count(qr/container not yet removed/) - $before, '<', 2 * PLAYERS,
    'few ends knock in vain');
is((grep { history_of($_) == 1 } $ada, @players), 1 + PLAYERS,
    'each session has one row of history');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
  cpu_limit: 0.1
--- request
GET /remote-desktop/api/status
--- error_code: 401
