# Docker hosts that cannot be trusted, reached, or relied upon.

use RD 'no_plan';
use RD::Chaos;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|host|pace|seq|queue_reason)/,
           qr/\}:session:/);

my @hosts = docker_hosts(2);
my ($one, $two) = @hosts;

# host 1 is always the first choice
$ENV{TEST_NGINX_HEAVY1} = $one->{sshd}->yaml(weight => 100);
$ENV{TEST_NGINX_STRANGER1} = $one->{sshd}->yaml(
    known_hosts => $one->{sshd}->wrong_known_hosts);
$ENV{TEST_NGINX_HEAVY_STRANGER1} = $one->{sshd}->yaml(weight => 100,
    known_hosts => $one->{sshd}->wrong_known_hosts);

sub containers { return map { $_->{docker}->containers } @hosts }
sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }
sub nothing_left {
    return wait_until(20, sub {
        return !containers() && !slots(name($one)) && !slots(name($two));
    });
}

our ($ada, $bob) = (visitor('ada'), visitor('bob'));

# What a creation finds out by itself: the probes have looked once, at the
# start, and then say nothing any more; all hosts count as fit.

sub unprobed {
    my ($n) = @_;

    ok(wait_until(30, sub {
           my ($since) = error_log() =~ /.*start worker process(.*)\z/s;
           (() = $since =~ /rd health: host \S+ probed/g) >= $n;
       }), 'the hosts have been probed');

    for my $key (map { 'rd:{' . RD::site() . '}:host:' . name($_) } @hosts) {
        redis('HINCRBY', $key, 'probe', 1);
        redis('HSET', $key, 'health', 'up', 'reason', '', 'next_ms', '9' x 13);
        redis('HDEL', $key, 'create_fails');    # of the block before
    }
}

sub failing {
    my ($what, $code) = @_;

    api($ada, 'POST create');
    my $end = wait_progress($ada, 'ready|failed', 30);

    is($end->{status}, 'failed', "$what: the creation fails");
    is($end->{code}, $code, "$what: with a code of its own");
    like($end->{error}, qr/^the \w[\w' ]+$/, "$what: and a plain sentence");
    is(api($ada, 'GET status')->{json}{session}, undef,
       "$what: there is no session");
    ok(nothing_left(), "$what: nothing is left");
    is((history_of($ada))[-1]{reason}, 'failed', "$what: history knows it");
}

sub wrong_key {
    failing('a wrong host key', 'ssh_host_key');
    ok(error_log() =~ /\[warn\].*ssh_host_key.*detail:.*known_hosts/,
       'a wrong host key: the log tells an administrator more');
}

sub other_host {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed', 30)->{status}, 'ready',
       'one host with a wrong key: the other one is taken');
    is(session_of($ada)->{host}, name($two), 'it is the second host');
    is(session_of($ada)->{attempts}, 2, 'on the second attempt');
    api($ada, 'POST destroy');
    ok(nothing_left(), 'and nothing is left');
}

sub no_image {
    failing('a missing image', 'docker_no_image');
}

sub killed_in_mid_create {
    $one->{docker}->freeze;
    api($ada, 'POST create');

    ok(wait_until(5, sub { progress($ada)->{status} eq 'starting_container' }),
       'an engine hangs in the middle of a create');

    # the create is under way when sshd knows of a session
    ok(wait_until(5, sub {
           error_log() =~ /queued -> creating, host:\Q@{[name($one)]}\E/;
       }), 'on the first host');
    $one->{sshd}->stop;

    is(wait_progress($ada, 'ready|failed', 40)->{status}, 'ready',
       'then its sshd is killed: the desktop comes from the other host');
    is(session_of($ada)->{host}, name($two), 'indeed');

    $one->{docker}->thaw;
    $one->{sshd}->restart;
    afterwards('an sshd killed in mid-create', @hosts);
    is(session_of($ada)->{state}, 'ready', 'the desktop stays');

    api($ada, 'POST destroy');
    ok(wait_until(20, sub { !$two->{docker}->containers }), 'and goes again');
}

sub both_down {
    $_->{sshd}->stop for @hosts;

    api($ada, 'POST create');
    ok(wait_until(40, sub {
           my $s = session_of($ada);
           return $s->{state} eq 'queued'
                  && ($s->{error} // '') =~ /^ssh_(?:connect|lost|timeout)$/;
       }), 'with both hosts down the player waits, and the error is kept');

    $_->{sshd}->restart for @hosts;

    is(wait_progress($ada, 'ready|failed', 60)->{status}, 'ready',
       'when they are back, the desktop comes without anybody doing anything');
    afterwards('both hosts down', @hosts);
}

sub down_at_stop {
    my $host = session_of($ada)->{host};
    my ($down) = grep { name($_) eq $host } @hosts;

    $down->{sshd}->stop;
    is(api($ada, 'POST destroy')->{code}, 200,
       'Stop is answered while the host is away');
    is(session_of($ada)->{state}, 'stopping',
       'the session is stopping as long as nobody confirms');
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed', 40)->{status}, 'ready',
       'the player is not stuck: he gets another desktop');
    api($ada, 'POST destroy');

    $down->{sshd}->restart;
    ok(wait_until(60, \&nothing_left),
       'and when the host is back its container is removed');
    afterwards('a host down at the end of its desktop', @hosts);
}

run_tests();

__DATA__

=== TEST 1: a wrong host key gives a clear error and no session
--- http_config eval
$RD::Site::Http
--- hosts
workspace_hosts:
$TEST_NGINX_STRANGER1
docker_image: rd-test-desktop:latest
--- init
unprobed(1);
wrong_key();


=== TEST 2: a host with a wrong key is left for another one
--- hosts
workspace_hosts:
$TEST_NGINX_HEAVY_STRANGER1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
--- init
unprobed(2);
other_host();


=== TEST 3: an image that no host has
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
docker_image: no-such-image:ever
--- init
unprobed(2);
no_image();


=== TEST 4: hosts that go down and come back
--- http_config eval
$RD::Site::Http . "    rd_sweep_interval 2s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HEAVY1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
--- init
unprobed(2);
killed_in_mid_create();
both_down();
down_at_stop();
