# More players than hosts can serve: they wait in line, and know why.

use RD 'no_plan';
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|host|pace|seq|queue_reason)/,
           qr/\}:session:/);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};
my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;

$ENV{TEST_NGINX_TWO} = $host->{sshd}->yaml(max_sessions => 2);
$ENV{TEST_NGINX_ONE_AT_A_TIME} = $host->{sshd}->yaml(creates => 1);
$ENV{TEST_NGINX_SMALL} = $host->{sshd}->yaml(memory => '600m');

our @who = map { visitor("p$_:" . (200 + $_)) } 1 .. 6;

sub gone {
    return wait_until(30, sub { !$docker->containers && !slots($name) });
}

sub waiting {
    my ($visitor) = @_;

    return progress($visitor)->{position} // 0;
}

sub two_of_four {
    my ($why) = @_;

    for my $visitor (@who[0 .. 3]) {
        is(api($visitor, 'POST create')->{code}, 200,
           "$visitor->{name} presses Start");
        wait_until(5, sub { progress($visitor)->{status} ne 'queued'
                            || waiting($visitor) });
    }

    is(wait_progress($who[$_], 'ready|failed')->{status}, 'ready',
       "$who[$_]{name} gets a desktop") for 0, 1;

    my $third = progress($who[2]);
    is($third->{status}, 'queued', 'the third one waits');
    is($third->{position}, 1, 'he is the first in line');
    is($third->{reason}, 'every host is full', 'and knows why');
    cmp_ok($third->{estimate}, '>', 0, 'and about how long');
    is(waiting($who[3]), 2, 'the fourth is behind him');

    is(api($who[2], 'POST create')->{json}{code}, 'creation_in_progress',
       'a second click does not move him');

    api($who[0], 'POST destroy');
    is(wait_progress($who[2], 'ready|failed')->{status}, 'ready',
       'when somebody leaves, the first in line is served');
    is(waiting($who[3]), 1, 'and the next one moves up');

    is(api($who[3], 'POST destroy')->{code}, 200, 'waiting can be given up');
    is(progress($who[3])->{status}, 'cancelled', 'at once');
    api($_, 'POST destroy') for @who[1, 2];
    ok(gone(), 'in the end nothing is left');
    is(scalar(my @rows = history_of($who[3])), 1, 'but a row of history');
}

sub full_queue {
    for my $visitor (@who[0, 1]) {
        api($visitor, 'POST create');
        wait_until(10, sub { progress($visitor)->{status} ne 'queued' });
    }

    api($who[2], 'POST create');
    wait_until(10, sub { waiting($who[2]) });
    my $res = api($who[3], 'POST create');
    is($res->{code}, 503, 'a queue of one refuses the second');
    is($res->{json}{code}, 'queue_full', 'by name');
    ok($res->{header}{'retry-after'} > 0, 'and says when to come again');
    api($_, 'POST destroy') for @who[2, 1, 0];
    ok(gone(), 'and nothing is left');
}

sub in_order {
    $docker->freeze;
    api($_, 'POST create') for @who;

    ok(wait_until(5, sub { waiting($who[5]) == 5 }),
       'with one create at a time, five of six wait');
    like(progress($who[5])->{reason}, qr/^the host is busy starting desktops$/,
         'because the host is busy');
    $docker->thaw;

    is(wait_progress($_, 'ready|failed', 40)->{status}, 'ready',
       "$_->{name} is served") for @who;

    my @ready = map { session_of($_)->{placed_ms} } @who;
    is("@ready", join(' ', sort { $a <=> $b } @ready),
       'first come, first served');
    api($_, 'POST destroy') for @who;
    ok(gone(), 'and nothing is left');
}

sub small_host {
    api($_, 'POST create') for @who[0 .. 2];

    ok(wait_until(20, sub {
           2 == grep { progress($_)->{status} eq 'ready' } @who[0 .. 2];
       }), 'two desktops of 256 MB fit into 600 MB');
    is(progress($who[2])->{reason}, 'every host is full', 'a third does not');
    api($_, 'POST destroy') for @who[2, 1, 0];
    ok(gone(), 'and nothing is left');
}

sub too_long {
    api($_, 'POST create') for @who[0 .. 2];

    my $end = wait_progress($who[2], 'failed', 20);
    is($end->{status}, 'failed', 'nobody waits for ever');
    is($end->{code}, 'no_capacity', 'it has a name');
    is($end->{error}, 'no host was free in time', 'and a sentence');
    api($_, 'POST destroy') for @who[1, 0];
    ok(gone(), 'and nothing is left');
}

run_tests();

__DATA__

=== TEST 1: four players and a host for two
--- hosts
workspace_hosts:
$TEST_NGINX_TWO
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  cpu_limit: 0.1
--- init
two_of_four();


=== TEST 2: a queue that is full
--- http_config eval
$RD::Site::Http . "rd_queue_max 1;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_TWO
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  cpu_limit: 0.1
--- init
full_queue();


=== TEST 3: one create at a time
--- hosts
workspace_hosts:
$TEST_NGINX_ONE_AT_A_TIME
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  cpu_limit: 0.1
--- init
in_order();


=== TEST 4: a host with little memory
--- hosts
workspace_hosts:
$TEST_NGINX_SMALL
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  cpu_limit: 0.1
--- init
small_host();


=== TEST 5: a wait that is too long
--- http_config eval
$RD::Site::Http . "rd_queue_timeout 2s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_TWO
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  cpu_limit: 0.1
--- init
too_long();
