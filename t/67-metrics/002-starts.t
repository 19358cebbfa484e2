# Starts on a real Docker host, as the metrics have them.

use RD 'no_plan';
use RD::Site;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', $RD::Site::Config
                                . "location = /metrics { rd_metrics; }\n");
});
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|story|warn|queue|rate|host|sweep)/,
           qr/\}:session:/);

my ($host) = docker_hosts(1);
run_tests();

my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;

sub metric {
    my ($wanted) = @_;

    my ($value) = http('GET /metrics')->{body} =~ /^\Q$wanted\E (\S+)$/m;
    return $value;
}

sub phase {
    my ($what, $phase) = @_;

    return metric("ngx_rd_start_phase_duration_seconds_$what"
                  . "{phase=\"$phase\"}");
}

ok(wait_until(20, sub { metric("ngx_rd_host_up{host=\"$name\"}") == 1 }),
   'the host is up once it was asked');
is(metric('ngx_rd_starts_total{result="ok"}'), 0, 'nothing was started');

my $ada = visitor('ada');
my $began = time;

api($ada, 'POST create');
is(wait_progress($ada, 'ready|failed')->{status}, 'ready', 'a desktop starts');

is(metric('ngx_rd_starts_total{result="ok"}'), 1, 'it is counted');
is(phase('count', $_), 1, "with its phase $_") for qw(queue create ready);

my $took = 0;
$took += phase('sum', $_) for qw(queue create ready);
ok($took > 0 && $took <= time - $began + 1, 'which took no longer than it did');

is(metric('ngx_rd_sessions{state="ready"}'), 1, 'it is ready');
is(metric("ngx_rd_host_sessions{host=\"$name\"}"), 1, 'and holds a slot');

api($ada, 'POST destroy');
ok(wait_until(20, sub {
       metric("ngx_rd_host_sessions{host=\"$name\"}") == 0
       && metric('ngx_rd_sessions{state="stopping"}') == 0;
   }), 'until it is gone');
ok(wait_until(10, sub { metric('ngx_rd_jobs') == 0 }), 'and no job is left');

__DATA__

=== TEST 1: nginx starts with one host
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  shm_size: 64m
  cpu_limit: 0.5
--- request
GET /metrics
--- error_code: 200
