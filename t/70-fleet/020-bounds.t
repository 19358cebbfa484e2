# How much is begun at once: what is more than that waits, and nothing is lost.

use RD 'no_plan';
use IO::Socket::UNIX;
use RD::DockerHost;
use RD::Events;
use RD::Site;

use constant { CONNECTIONS => 4, JOBS_MAX => 2, ENDS => 6 };

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my $socket = $ENV{TEST_NGINX_ENGINE} = RD::Place::socket_path('engine.sock');
my $record = RD::Place::prefix() . '/logs/requests';
my $tag = 'rd:{' . RD::site() . '}:';

my $engine = RD::DockerHost::spawn('/dev/null', 'python3',
    RD::Place::top() . '/t/fake/docker.py', '--record', $record, $socket);

add_cleanup_handler(sub { RD::DockerHost::end_process($engine) });
wait_until(10, sub { IO::Socket::UNIX->new(Peer => $socket) })
    or die "the fake engine did not start\n";

sub freeze { kill STOP => $engine }
sub thaw { kill CONT => $engine }

# The host has been looked at and swept, and is not again: these are jobs, too.

sub left_alone {
    ok(wait_until(30, sub {
           (redis('HGET', "${tag}host:localhost", 'health') // '') eq 'up'
           && redis('HGET', "${tag}sweep:localhost", 'last_ok_ms');
       }), 'a host is fit');

    redis('HSET', "$tag$_:localhost", 'next_ms', '9' x 13) for qw(host sweep);
}

sub in_state {
    my ($state, @who) = @_;

    return scalar(grep { (session_of($_)->{state} // '') eq $state } @who);
}

# The answer to who asks comes behind all that was asked of Redis before.

sub click_create {
    my (@who) = @_;

    api($_, 'POST create') for @who;
    progress($_) for @who;
}

# how many of these were being created at the same time, at most

sub most_at_once {
    my (@who) = @_;

    my @change;

    for my $who (@who) {
        my @steps = map { JSON::PP::decode_json($_) }
            @{ redis('LRANGE', "${tag}story:" . session_of($who)->{id}, 0,
                     -1) };
        my %ms = map { $_->{state} => $_->{ms} } @steps;
        push @change, [$ms{creating}, 1], [$ms{starting}, -1];
    }

    my ($n, $most) = (0, 0);

    for (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @change) {
        $n += $_->[1];
        $most = $n if $n > $most;
    }

    return $most;
}

sub stopped {
    my (@who) = @_;

    api($_, 'POST destroy') for @who;
    ok(wait_until(30, sub { !slots('localhost') }),
       'in the end nothing is left');
}

my @who = map { visitor("p$_:" . (700 + $_)) } 1 .. 5;


sub jobs_max {
    left_alone();

    for my $user (301 .. 300 + ENDS) {
        my $id = sprintf '%032x', $user;

        give_desktop($user, 1, host => 'localhost');
        redis('ZADD', "${tag}live", 1, $id);
        redis('SADD', "${tag}slots:localhost", $id);
    }

    freeze();
    my $res = admin_api(visitor('admin'), 'POST kill-all');
    is($res->{json}{killed}, ENDS, 'an engine hangs, and much ends on it');
    is(scalar(() = error_log() =~ /rd job: remove started/g), CONNECTIONS,
       'as many removals are begun as there may be connections');

    click_create(@who);
    is(in_state('queued', @who), @who,
       'and with so many jobs no session is taken out of the queue');

    thaw();
    is(wait_progress($_, 'ready|failed', 40)->{status}, 'ready',
       "then $_->{name} has a desktop") for @who;
    cmp_ok(most_at_once(@who), '<=', JOBS_MAX,
           'no more at once than rd_jobs_max says');
    ok(wait_until(20, sub {
           ENDS == grep { history_of({ id => $_ }) == 1 } 301 .. 300 + ENDS;
       }), 'what was to end has ended');

    stopped(@who);
}


# one thread, and two jobs that may wait for it

sub no_thread {
    left_alone();

    freeze();
    click_create(@who);
    ok(wait_until(10, sub { in_state('creating', @who) == @who }),
       'more is begun than threads can take, or may wait for one');
    ok(wait_until(5, sub { error_log() =~ /"one" queue overflow/ }),
       'as nginx says');

    thaw();
    is(wait_progress($_, 'ready|failed', 40)->{status}, 'ready',
       "$_->{name} has a desktop all the same") for @who;
    is((grep { session_of($_)->{attempts} == 1 } @who), @who,
       'at the first attempt');

    freeze();
    api($_, 'POST destroy') for @who;
    ok(wait_until(5, sub {
           error_log() =~ /removal put off, no thread is free/;
       }), 'what is to be removed is put off, too');
    is(in_state('stopping', @who), @who, 'and not taken for gone');
    thaw();

    # as if its time had come
    ok(wait_until(60, sub {
           redis('ZADD', "${tag}stopping", 'XX', 1, session_of($_)->{id})
               for @who;
           return !slots('localhost');
       }), 'then it goes');
    is(scalar(() = RD::Place::slurp($record)
                   =~ /"DELETE [^"]+", "status": 204/g),
       2 * @who, 'each container once');
}

run_tests();

__DATA__

=== TEST 1: jobs of a worker
--- http_config eval
$RD::Site::Http . "    rd_jobs_max 2;\n    rd_create_timeout 5m;\n"
--- hosts
workspace_hosts:
  - local: true
    docker_socket: $TEST_NGINX_ENGINE
    creates: 10
docker_image: rd-test-desktop:latest
--- init
jobs_max();


=== TEST 2: the threads of a worker
--- main_config
thread_pool one threads=1 max_queue=2;
--- http_config eval
$RD::Site::Http
    . "    rd_thread_pool one;\n    rd_create_timeout 5m;\n"
--- hosts
workspace_hosts:
  - local: true
    docker_socket: $TEST_NGINX_ENGINE
    creates: 10
docker_image: rd-test-desktop:latest
--- init
no_thread();
