# A host that hangs takes no thread from the others, whatever is to be done
# there; and a worker that leaves does not stay for what only waits.

use RD 'no_plan';
use RD::Events;
use RD::Site;

use constant ENDS => 12;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|ready|live|expiry|warn|stopping)/,
           qr/\}:(?:events|history)/,
           qr/\}:(?:session|slots|creates)/);

my @hosts = docker_hosts(2);
my ($hung, $other) = map { $_->{docker} } @hosts;
my ($on, $beside) = map { $_->{sshd}->address . ':' . $_->{sshd}->port } @hosts;

$ENV{"TEST_NGINX_TWO$_"} = $hosts[$_ - 1]{sshd}->yaml(connections => 2)
    for 1, 2;

run_tests();

my $tag = 'rd:{' . RD::site() . '}:';
my ($admin, $ada) = map { visitor($_) } qw(admin ada);

sub jobs {
    my @n = error_log() =~ /rd job: \w+ (?:started|done)[^\n]* running:(\d+)/g;
    return $n[-1] // 0;
}

ok(wait_until(30, sub {
       2 == grep { (redis('HGET', "${tag}host:$_", 'health') // '') eq 'up' }
            $on, $beside;
   }), 'both hosts are fit');

$hung->freeze;
admin_api($admin, 'POST hosts/cordon', "host=$on");

for my $user (201 .. 200 + ENDS) {
    my $id = sprintf '%032x', $user;

    give_desktop($user, 1, host => $on);
    redis('ZADD', "${tag}live", 1, $id);
    redis('SADD', "${tag}slots:$on", $id);
}

my $res = admin_api($admin, 'POST kill-all');
is($res->{json}{killed}, ENDS,
   'more sessions end on it than there are threads');
is((grep { $_->{result} eq 'stopping' } @{ $res->{json}{sessions} }), ENDS,
   'all of them are stopping: it says nothing');

api($ada, 'POST create');
is(wait_progress($ada, 'ready|failed', 20)->{status}, 'ready',
   'a desktop on the other host is made meanwhile');
is(session_of($ada)->{host}, $beside, 'indeed');

# the hung host's share: its removals, a probe and a sweep; what is looked at
# on the other one is over in a moment
ok(wait_until(5, sub { jobs() <= 2 + 3 }), 'few threads wait for it');
is((grep { session_of({ id => $_ })->{state} eq 'stopping' }
    201 .. 200 + ENDS), ENDS, 'nobody is taken for gone');

# ---- handed out again -------------------------------------------------------

redis('ZADD', "${tag}stopping", 1, $_)
    for @{ redis('ZRANGE', "${tag}stopping", 0, -1) };
ok(wait_until(10, sub {
       !grep { redis('ZSCORE', "${tag}stopping", $_) == 1 }
             @{ redis('ZRANGE', "${tag}stopping", 0, -1) };
   }), 'what nobody finished is handed out once more');
api($ada, 'GET status');
ok(wait_until(5, sub { jobs() <= 2 + 3 }),
   'but what waits already is not begun twice');

# ---- a reload ---------------------------------------------------------------

my @old = nginx()->workers;
kill HUP => nginx()->pid;

ok(wait_until(30, sub {
       error_log() =~ /its end is left to another worker/;
   }), 'a worker that leaves begins nothing that waits');
ok(wait_until(60, sub { !grep { kill 0 => $_ } @old }), 'and goes');

$hung->thaw;
ok(wait_until(60, sub { !@{ redis('ZRANGE', "${tag}stopping", 0, -1) } }),
   'when the host is back all of them end');
is((grep { history_of({ id => $_ }) == 1 } 201 .. 200 + ENDS), ENDS,
   'with one row of history each');

admin_api($admin, 'POST hosts/activate', "host=$on");
api($ada, 'POST destroy');
ok(wait_until(20, sub { !map { $_->containers } $hung, $other }),
   'in the end nothing is left');

__DATA__

=== TEST 1: nginx starts
--- main_config
thread_pool few threads=6 max_queue=1024;
--- http_config eval
$RD::Site::Http . "    rd_thread_pool few;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_TWO1
$TEST_NGINX_TWO2
docker_image: rd-test-desktop:latest
--- request
GET /remote-desktop/api/status
--- error_code: 401
