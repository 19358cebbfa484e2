# What the clock does: expiry, and desktops that never come up.

use RD 'no_plan';
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|host|pace|seq|queue_reason)/,
           qr/\}:session:/);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};

# the test desktop with its faults built in
sub image {
    my ($name, @change) = @_;

    $docker->docker('import', (map { ('--change', $_) }
        'CMD ["/desktop"]', 'EXPOSE 5900 6080', @change),
        "$ENV{TEST_NGINX_BUILD}/test-image/desktop.tar", "$name:latest");
}

image('rd-test-mute', 'ENV DESKTOP_MODE=never');
image('rd-test-garbage', 'ENV DESKTOP_MODE=garbage');
image('rd-test-exit', 'ENV DESKTOP_MODE=exit');
image('rd-test-late', 'ENV DESKTOP_DELAY_MS=5000');

our $ada = visitor('ada');

sub gone { return wait_until(15, sub { !$docker->containers }) }

sub expires {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'a desktop with six seconds');

    my $id = session_of($ada)->{id};
    my $left = api($ada, 'GET status')->{json}{session}{timer}{time_remaining};
    ok($left >= 1 && $left <= 6, 'the clock shows at most six');

    ok(gone(), 'its container is removed when they are over, nobody looking');
    is(session_of($ada)->{id}, $id, 'the session');
    ok(wait_until(5, sub { session_of($ada)->{state} eq 'ended' }),
       'has ended');
    is((history_of($ada))[-1]{reason}, 'expired', 'for the reason');

    # once a second somebody looks; what is beyond is this machine's business
    my ($stopping) = grep { $_->{state} eq 'stopping' }
        map { JSON::PP::decode_json($_) }
        @{ redis('LRANGE', 'rd:{' . RD::site() . "}:story:$id", 0, -1) };
    my $late = $stopping->{ms} - session_of($ada)->{expires_ms};
    ok($late >= 0 && $late < 1000 + 4000 * RD::Place::slow_factor(),
       'about a second after its time') or diag("$late ms");
    is(progress($ada)->{status}, 'none', 'and the player may begin anew');
    is(api($ada, 'POST extend')->{code}, 400, 'too late for an extension');
}

sub never_up {
    my ($what, $code) = @_;

    api($ada, 'POST create');
    my $end = wait_progress($ada, 'ready|failed');

    is($end->{status}, 'failed', "$what: the creation fails");
    like($end->{code}, $code // qr/^desktop_timeout$/, "$what: by its name");
    ok(gone(), "$what: its container is removed");
    is((session_of($ada))->{attempts}, 1, "$what: no other host is blamed");
    ok(wait_until(5, sub { session_of($ada)->{state} eq 'failed' }),
       "$what: the session has failed");
    is((history_of($ada))[-1]{reason}, 'failed', "$what: history knows it");
}

sub late {
    api($ada, 'POST create');
    is(wait_progress($ada, 'waiting_vnc')->{status}, 'waiting_vnc',
       'a desktop that takes its time is waited for');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready', 'and comes');
    api($ada, 'POST destroy');
    ok(gone(), 'and goes');
}

run_tests();

__DATA__

=== TEST 1: a desktop whose time is over
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
session_defaults:
  initial_duration: 6
--- init
expires();


=== TEST 2: a container in which nothing listens
--- http_config eval
$RD::Site::Http . "rd_ready_timeout 1500ms;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-mute:latest
--- init
never_up('silence');


=== TEST 3: one in which something else listens
--- http_config eval
$RD::Site::Http . "rd_ready_timeout 1500ms;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-garbage:latest
--- init
never_up('garbage');


=== TEST 4: one that ends at once
--- http_config eval
$RD::Site::Http . "rd_ready_timeout 1500ms;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-exit:latest
--- init
# whether it is seen before or after its ports are looked up is chance
never_up('an early end', qr/^(?:desktop_timeout|docker_refused|docker_ports)$/);


=== TEST 5: one that comes late
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-late:latest
--- init
late();
