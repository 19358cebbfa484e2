# A host whose disk is full says so itself, when something is to be made on it.

use RD 'no_plan';
use IO::Socket::UNIX;
use RD::DockerHost;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my $socket = RD::Place::socket_path('engine.sock');
my $full = RD::Place::prefix() . '/full';
my $tag = 'rd:{' . RD::site() . '}:';
my $ada = visitor('ada');

$ENV{TEST_NGINX_ENGINE} = $socket;

my $engine = RD::DockerHost::spawn('/dev/null', 'python3',
    RD::Place::top() . '/t/fake/docker.py', '--full', $full, $socket);

add_cleanup_handler(sub { RD::DockerHost::end_process($engine) });
wait_until(10, sub { IO::Socket::UNIX->new(Peer => $socket) })
    or die "the fake engine did not start\n";

sub health {
    my %h = @{ redis('HGETALL', "${tag}host:localhost") };
    return \%h;
}

sub disk_is_full {
    ok(wait_until(10, sub { (health()->{health} // '') eq 'up' }),
       'a host is up');

    RD::Place::spew($full, '');
    api($ada, 'POST create');

    ok(wait_until(20, sub { health()->{health} eq 'down' }),
       'when its engine says that the disk is full, it is down')
        or diag(JSON::PP::encode_json(progress($ada)));
    is(health()->{reason}, 'disk', 'with the reason');
    like(health()->{detail}, qr/no space left on device/,
         'administrators can read the words of the engine');
    is(health()->{disk_pause_ms}, 30000, 'it is left alone for a while');

    my @events = map { +{ @{ $_->[1] } } }
        @{ redis('XRANGE', "${tag}events", '-', '+') };
    is((grep { $_->{type} eq 'host_unhealthy' } @events), 1,
       'that is an event');

    unlink $full;

    # as if the pause were over
    redis('HSET', "${tag}host:localhost", 'next_ms', 1);
    ok(wait_until(10, sub { health()->{health} eq 'up' }),
       'then it may try again');
    is(health()->{reason}, '', 'without a reason');

    api($ada, 'POST destroy');
    wait_progress($ada, 'cancelled|failed|none|destroyed', 10);
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed', 30)->{status}, 'ready',
       'and holds a desktop');
    api($ada, 'POST destroy');
    ok(wait_until(20, sub { !slots('localhost') }),
       'in the end nothing is left');
}

run_tests();

__DATA__

=== TEST 1: a full disk
--- http_config eval
$RD::Site::Http . "    rd_probe_interval 1s;\n"
--- hosts
workspace_hosts:
  - local: true
    docker_socket: $TEST_NGINX_ENGINE
docker_image: rd-test-desktop:latest
--- init
disk_is_full();
