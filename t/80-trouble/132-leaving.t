# A worker that only waits for its tunnels keeps no connection to a host and no
# threads, however many reloads there were.

use RD 'no_plan';
use RD::Site;
use RD::Tunnel;

use constant RELOADS => 2;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my ($host) = docker_hosts(1);
my $port = $host->{sshd}->port;

sub connections {
    my ($pid) = @_;

    my $list = qx(ss -tnpH state established "dport = :$port");
    return scalar(() = $list =~ /pid=$pid,/g);
}

sub threads { my ($pid) = @_; return scalar(() = glob("/proc/$pid/task/*")) }

run_tests();

my $ada = visitor('ada');
my (%old, @tunnels);

api($ada, 'POST create');
is(wait_progress($ada, 'ready|failed')->{status}, 'ready', 'ada has a desktop');
my ($worker) = nginx()->workers;
cmp_ok(connections($worker), '>=', 1, 'its worker keeps a warm connection');
cmp_ok(threads($worker), '>', 8, '... and threads');

for my $n (1 .. RELOADS) {
    my $tunnel = tunnel($ada, 2);
    ok(ref $tunnel, "reload $n: a tunnel is open");
    push @tunnels, $tunnel;
    my ($worker) = grep { !$old{$_} } nginx()->workers;
    $old{$worker} = 1;
    nginx()->reload;
    ok(wait_until(20, sub { grep { !$old{$_} } nginx()->workers }),
        '... a new worker takes over');
}

ok(wait_until(30, sub { !grep { connections($_) } keys %old }),
    'workers that leave close their idle connections');
ok(wait_until(30, sub { !grep { threads($_) > 2 } keys %old }),
    '... and give their threads back');
is((grep { RD::Nginx::alive($_) } keys %old), RELOADS,
    '... while their tunnels go on');

$_->close for @tunnels;
ok(wait_until(30, sub { !grep { RD::Nginx::alive($_) } keys %old }),
    'they leave with their last tunnel');

api($ada, 'POST destroy');
ok(wait_until(30, sub { !$host->{docker}->containers }),
    'in the end nothing is left');

__DATA__

=== TEST 1: nginx starts
--- config eval
$RD::Site::Config =~ s/(proxy_http_version 1.1;)/$1 proxy_read_timeout 1d;/gr
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
--- request
GET /remote-desktop/api/status
--- error_code: 401
