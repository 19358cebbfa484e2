# An administrator cordons a host, drains it, and opens it again.

use RD 'no_plan';
use RD::Events;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|ready|events|history)/, qr/\}:session:/);

my ($one, $two) = docker_hosts(2);
my ($ada, $bob, $eve, $boss) = map { visitor($_) }
    qw(ada bob eve), 'boss:50 admin';
my $tag = 'rd:{' . RD::site() . '}:';

# host 1 is always the first choice
$ENV{TEST_NGINX_HEAVY1} = $one->{sshd}->yaml(weight => 100) =~ s/\n\z//r;

sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }

# what the admin API runs
sub mode {
    my ($host, $mode, $grace_s) = @_;

    my $lua = RD::Place::top() . '/src/redis/lua';
    my $script = join '', map { RD::Place::slurp("$lua/$_.lua") }
        qw(prelude host_mode);

    return redis('EVAL', $script, 1, $tag, name($host), $mode,
                 1000 * ($grace_s // 0), 1, 'root');
}

sub mode_of {
    my ($host) = @_;
    return redis('HGET', "${tag}host:" . name($host), 'mode');
}

sub left_s {
    my ($visitor) = @_;
    return api($visitor, 'GET status')->{json}{session}{timer}{time_remaining};
}

sub told {
    return map {
        my %e = @{ $_->[1] };
        $e{type} =~ /^host_(?:cordoned|draining|activated)$/
            ? { %e, %{ JSON::PP::decode_json($e{metadata}) } } : ();
    } @{ redis('XRANGE', "${tag}events", '-', '+') };
}

sub ready {
    my ($visitor) = @_;
    api($visitor, 'POST create');
    return wait_progress($visitor, 'ready|failed', 30)->{status};
}


sub drain {
    is(ready($ada), 'ready', 'ada has a desktop');
    is(session_of($ada)->{host}, name($one), 'on the first host');
    ok(left_s($ada) > 3500, 'for an hour');

    is_deeply(mode($one, 'draining', 600), [1, 'active', 1],
              'the host is drained, with one session on it');
    ok(left_s($ada) <= 600, 'who has only the grace left');
    ok(left_s($ada) > 500, 'but all of it');
    is(api($ada, 'POST extend')->{json}{code}, 'draining',
       'time cannot be added');
    my $res = admin_api($boss, 'POST extend', 'user_id=2');
    is("$res->{code} $res->{json}{code}", '409 draining',
       'not by an administrator either, with the same answer');

    mode($one, 'draining', 3000);
    ok(left_s($ada) <= 600, 'a second click does not lengthen it');

    is_deeply(mode($one, 'active'), [1, 'draining', 1], 'it is opened again');
    ok(left_s($ada) > 3500, 'which gives her time back');
    is(api($ada, 'POST extend')->{code}, 200, 'and more can be had');

    mode($one, 'draining', 2);
    ok(wait_until(20, sub { history_of($ada) == 1 }),
       'after the grace her session ends');
    is((history_of($ada))[0]{reason}, 'drained', 'as drained');
    ok(!$one->{docker}->containers, 'and her container is gone');
}


# a session whose own time is over first is not drained

sub own_time {
    mode($one, 'active');
    is(ready($bob), 'ready', 'bob has a desktop');
    my $id = session_of($bob)->{id};
    my ($now) = @{ redis('TIME') };
    my $soon = 1000 * $now + 3000;
    redis('HSET', "${tag}session:$id", 'expires_ms', $soon);
    redis('ZADD', "${tag}expiry", $soon, $id);

    mode($one, 'draining', 600);
    ok(wait_until(20, sub { history_of($bob) == 1 }),
       'his time was over first');
    is((history_of($bob))[0]{reason}, 'expired', 'which is the reason');
}


# the bound counts also for who was not ready when the host was drained

sub not_yet_ready {
    mode($one, 'active');

    my $id = sprintf '%032x', 77;
    redis('HSET', "${tag}session:$id", id => $id, state => 'starting',
          epoch => 3, owner => 77, username => 'late', host => name($one),
          container => '', initial_s => 3600, created_ms => 1);
    redis('SADD', "${tag}slots:" . name($one), $id);
    mode($one, 'draining', 600);

    my $lua = RD::Place::top() . '/src/redis/lua';
    my $script = join '', map { RD::Place::slurp("$lua/$_.lua") }
        qw(prelude commit);
    my $answer = redis('EVAL', $script, 1, $tag, $id, 3);
    my ($now) = @{ redis('TIME') };

    is($answer->[0], 1, 'a desktop becomes ready on a draining host');
    ok($answer->[1] - 1000 * $now <= 601_000, 'its time is bounded, too');

    redis('DEL', "${tag}session:$id", "${tag}slots:" . name($one));
    redis('ZREM', "$tag$_", $id) for qw(expiry warn);
}


sub told_and_kept {
    my @events = told();

    is_deeply([map { $_->{type} } @events[0 .. 2]],
              [qw(host_draining host_activated host_draining)],
              'every change is one event');
    is($events[0]{level}, 'warning', 'of its level');
    is($events[0]{admin_name}, 'root', 'with who did it');
    is($events[0]{sessions}, 1, 'how many it concerns');
    is($events[0]{grace}, 600, 'and how long they have');

    is(mode_of($one), 'draining', 'the mode stands in Redis');
    mode($one, 'cordoned');
    is((told())[-1]{type}, 'host_cordoned', 'a cordon is an event of its own');
    is_deeply(mode($one, 'nonsense'), [0], 'there are no other modes');

    my $before = () = error_log() =~ /rd health: host \S+ probed, ok/g;
    nginx()->reload;
    ok(wait_until(20, sub {
           (() = error_log() =~ /rd health: host \S+ probed, ok/g)
               >= $before + 2;
       }), 'nginx reloads and looks at its hosts');
    is(mode_of($one), 'cordoned', 'the mode is kept');

    is(ready($eve), 'ready', 'a new session');
    isnt(session_of($eve)->{host}, name($one), 'is not made on that host');
    api($eve, 'POST destroy');
    ok(wait_until(20, sub { !map { $_->{docker}->containers } $one, $two }),
       'in the end nothing is left');
}

run_tests();

__DATA__

=== TEST 1: a host is drained, cordoned and opened
--- hosts
workspace_hosts:
$TEST_NGINX_HEAVY1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
--- init
drain();
own_time();
not_yet_ready();
told_and_kept();
