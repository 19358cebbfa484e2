# A session record that vanished (evicted, or deleted by hand) gives its slot
# back, and each other key may vanish, too: afterwards everything agrees.

use RD 'no_plan';
use RD::Chaos;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my ($host) = docker_hosts(1);
my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;
my $tag = 'rd:{' . RD::site() . '}:';
my ($ada, $bob) = map { visitor($_) } qw(ada bob);

$ENV{TEST_NGINX_ONE} = $host->{sshd}->yaml(max_sessions => 1);

sub session_id { return redis('GET', "${tag}owner:$ada->{id}") // '' }

sub each_key {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'ada has the only desktop');
    my $id = session_id();

    for my $key ("owner:$ada->{id}", "ready:$ada->{id}", "slots:$name",
                 qw(live expiry warn seq pace), "host:$name", "sweep:$name",
                 "last:$ada->{id}", "story:$id", 'installation', 'reconcile')
    {
        redis('DEL', "$tag$key");
        afterwards('without ' . ($key =~ s/\Q$id\E/ID/r), $host);
    }

    is(session_id(), $id, 'ada still has her desktop');
    ok(wait_until(10, sub {
           2 == grep { redis('ZSCORE', "$tag$_", $id) } qw(live expiry);
       }), 'which is listed, and has an end');
    api($ada, 'POST destroy');
    afterwards('when she stops it', $host);
}

sub record {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'ada has the only desktop again');
    my $id = session_id();

    redis('DEL', "${tag}session:$id", "${tag}ready:$ada->{id}");
    ok(wait_until(10, sub { !slots($name) }),
       'its record is deleted: its slot is free');
    ok(wait_until(5, sub {
           error_log() =~ /\[warn\].*keys were missing in Redis:.*noeviction/;
       }), 'the log says that keys were missing');
    ok(wait_until(5, sub {
           !redis('ZCARD', "${tag}live") && session_id() eq '';
       }), 'it is no live session, and ada has none');

    api($bob, 'POST create');
    is(wait_progress($bob, 'ready|failed')->{status}, 'ready',
       'bob gets a desktop');
    api($bob, 'POST destroy');
    ok(wait_until(20, sub { !$host->{docker}->containers }),
       'the container of the lost session is swept away');
    afterwards('in the end', $host);
}

run_tests();

__DATA__

=== TEST 1: one host for one desktop
--- http_config eval
$RD::Site::Http . "    rd_sweep_interval 300ms;\n    rd_probe_interval 1s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_ONE
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
  memory_limit: 64m
--- init
each_key();
record();
