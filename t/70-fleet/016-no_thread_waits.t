# Who waits, for a desktop to answer or for a host, holds no thread: two threads
# are enough for many.

use RD 'no_plan';
use RD::Site;

use constant { STARTING => 12, QUEUED => 6 };

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|warn)/, qr/\}:session:/);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};
my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;

$docker->docker('import', '--change', 'CMD ["/desktop"]',
    '--change', 'EXPOSE 5900 6080', '--change', 'ENV DESKTOP_MODE=never',
    "$ENV{TEST_NGINX_BUILD}/test-image/desktop.tar", 'rd-test-mute:latest');

$ENV{TEST_NGINX_FEW} = $host->{sshd}->yaml(max_sessions => STARTING);

run_tests();

my @who = map { visitor("p$_:" . (600 + $_)) } 1 .. STARTING + QUEUED;

sub in_state {
    my ($state) = @_;
    return grep { (session_of($_)->{state} // '') eq $state } @who;
}

api($_, 'POST create') for @who;

ok(wait_until(120, sub { in_state('starting') == STARTING }),
   'twelve desktops are waited for, with two threads')
    or diag(join ' ', map { session_of($_)->{state} // '-' } @who);
is(scalar(my @queued = in_state('queued')), QUEUED, 'six wait for a host');

ok(wait_until(20, sub {
       my ($n) = (error_log() =~ /rd job: [^\n]* running:(\d+)/g)[-1];
       return $n == 0;
   }), 'and no job is under way');

# the threads are there for what is to be done
my $first = (in_state('starting'))[0];
my $container = session_of($first)->{container};

api($first, 'POST destroy');
ok(wait_until(20, sub { !grep { $_ eq $container } $docker->containers }),
   'who stops is served at once');
ok(wait_until(30, sub { in_state('starting') == STARTING }),
   'and so is the first in line');

api($_, 'POST destroy') for reverse @who;
ok(wait_until(60, sub { !$docker->containers && !slots($name) }),
   'in the end nothing is left');

__DATA__

=== TEST 1: nginx starts
--- main_config
thread_pool two threads=2;
--- http_config eval
$RD::Site::Http . "    rd_thread_pool two;\n    rd_ready_timeout 10m;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_FEW
docker_image: rd-test-mute:latest
container_defaults:
  memory_limit: 16m
  shm_size: 1m
  cpu_limit: 0.1
--- request
GET /remote-desktop/api/status
--- error_code: 401
