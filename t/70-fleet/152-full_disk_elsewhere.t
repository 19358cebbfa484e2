# A full disk on one host: the session is placed on another one, and the next
# sessions are, too.

use RD 'no_plan';
use IO::Socket::UNIX;
use RD::DockerHost;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my $full = RD::Place::prefix() . '/full';
my $tag = 'rd:{' . RD::site() . '}:';
my @who = map { visitor("p$_:" . (300 + $_)) } 1 .. 3;

sub engine {
    my ($name, @options) = @_;

    my $socket = RD::Place::socket_path("$name.sock");
    my $pid = RD::DockerHost::spawn('/dev/null', 'python3',
        RD::Place::top() . '/t/fake/docker.py', @options, $socket);

    add_cleanup_handler(sub { RD::DockerHost::end_process($pid) });
    wait_until(10, sub { IO::Socket::UNIX->new(Peer => $socket) })
        or die "the fake engine did not start\n";

    return $socket;
}

$ENV{TEST_NGINX_ENGINE1} = engine('one', '--full', $full);
$ENV{TEST_NGINX_ENGINE2} = engine('two');
RD::Place::spew($full, '');

sub health { return redis('HGET', "${tag}host:$_[0]", 'health') // '' }

sub elsewhere {
    ok(wait_until(10, sub {
           health('localhost') eq 'up' && health('127.0.0.1') eq 'up';
       }), 'two hosts are up, the disk of the better one is full');

    api($who[0], 'POST create');
    is(wait_progress($who[0], 'ready|failed', 20)->{status}, 'ready',
       'the first session becomes ready');
    is(session_of($who[0])->{host}, '127.0.0.1', 'on the other host');
    is(session_of($who[0])->{tried}, '', 'no host is held against it');

    api($_, 'POST create') for @who[1, 2];
    is(wait_progress($_, 'ready|failed', 20)->{status}, 'ready',
       "$_->{name} gets a desktop, too") for @who[1, 2];

    my @events = map { +{ @{ $_->[1] } } }
        @{ redis('XRANGE', "${tag}events", '-', '+') };
    is((grep { $_->{message} eq 'waiting for another host' } @events), 1,
       'only one session has met the full disk');

    api($_, 'POST destroy') for @who;
    ok(wait_until(20, sub { !slots('127.0.0.1') && !slots('localhost') }),
       'in the end nothing is left');
}

run_tests();

__DATA__

=== TEST 1: two hosts
--- hosts
workspace_hosts:
  - local: true
    docker_socket: $TEST_NGINX_ENGINE1
    weight: 100
  - local: true
    hostname: 127.0.0.1
    docker_socket: $TEST_NGINX_ENGINE2
docker_image: rd-test-desktop:latest
--- init
elsewhere();
