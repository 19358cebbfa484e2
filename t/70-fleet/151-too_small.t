# A host that can never hold one desktop is named as such: by its probe, in the
# log, to administrators and to players.

use RD 'no_plan';
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my ($host) = docker_hosts(1);
my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;
my $tag = 'rd:{' . RD::site() . '}:';
my ($ada, $boss) = (visitor('ada'), visitor('admin'));

sub record { return { @{ redis('HGETALL', "${tag}host:$name") // [] } } }

sub hosts_row {
    my $res = http('GET /remote-desktop/admin/api/hosts', visitor => $boss);
    return JSON::PP::decode_json($res->{body})->{hosts}[0];
}

sub refused_at_once {
    my ($key, $needs, $has) = @_;

    ok(wait_until(10, sub { (record()->{detail} // '') =~ /$key/ }),
       "a probe finds that $key is more than the host has");

    my $row = hosts_row();
    is_deeply([@$row{qw(health reason)}], ['down', 'too_small'],
              'GET hosts says so');
    ok(!$row->{healthy}, 'the host is not healthy there');
    like($row->{detail}, qr/^a desktop needs .* \($key in hosts.yml\)/,
         'its detail names the setting');

    ok(wait_until(5, sub {
           error_log() =~ /\[warn\].*rd\ fleet:\ host\ \Q$name\E\ down:
                           \ a\ desktop\ needs\ .*\($key/x;
       }), 'the log warns of it');

    my $res = api($ada, 'POST create');
    is($res->{code}, 503, 'a create is refused at once');
    is($res->{json}{code}, 'host_too_small', 'by name');
    like($res->{json}{error},
         qr/^a desktop needs $needs, the largest host has $has$/,
         'with the numbers');
    is(progress($ada)->{status}, 'none', 'nobody waits');
}

sub memory {
    refused_at_once('memory_limit', '512\.0 GiB of memory', '[\d.]+ [GM]iB');
}

sub cpus {
    refused_at_once('cpu_limit', '1000 processors', '\d+');
}

sub fits {
    ok(wait_until(10, sub { (record()->{health} // '') eq 'up' }),
       'with smaller desktops the host is up again');

    my $probes = sub { scalar(() = error_log() =~ /: host \S+ probed, ok/g) };
    my $checked = record()->{checked_ms};
    my $before = $probes->();
    my $lines = () = error_log() =~ /rd fleet: host/g;

    nginx()->reload;
    ok(wait_until(10, sub {
           $probes->() > $before && record()->{checked_ms} > $checked;
       }), 'a reload probes it');
    is(scalar(() = error_log() =~ /rd fleet: host/g), $lines,
       'no line in the log: nothing has changed');
}

run_tests();

__DATA__

=== TEST 1: less memory than a desktop needs
--- http_config eval
$RD::Site::Http . "    rd_probe_interval 1s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 512g
--- init
memory();


=== TEST 2: fewer processors than a desktop needs
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
  cpu_limit: 1000
--- init
cpus();


=== TEST 3: a desktop that fits
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
  cpu_limit: 0.1
--- init
fits();
