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
    is(health()->{error}, 'docker_disk_full', 'and the code');
    like(health()->{detail}, qr/no space left on device/,
         'administrators can read the words of the engine');
    is(health()->{disk_pause_ms}, 30000, 'it is left alone for a while');
    like(error_log(), qr/\[warn\].*host localhost down: its disk is full: /,
         'the log warns of it');

    ok(wait_until(10, sub { (progress($ada)->{reason_code} // '')
                            eq 'disk_full' }),
       'the player waits, for that reason')
        or diag(JSON::PP::encode_json(progress($ada)));
    my $waits = progress($ada);
    is($waits->{status}, 'queued', 'in the queue');
    is($waits->{reason}, 'the disk of the host is full', 'in words');
    ok(exists $waits->{estimate} && !defined $waits->{estimate},
       'how long is unknown');
    is($waits->{position}, 1, 'at the old place');

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

    is(wait_progress($ada, 'ready|failed', 30)->{status}, 'ready',
       'and the player gets a desktop');
    is(session_of($ada)->{attempts}, 1, 'the full disk has cost no attempt');
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
