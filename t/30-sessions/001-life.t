# The life of a session on two real Docker hosts behind two real sshd.

use RD 'no_plan';
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|host|pace|seq|queue_reason)/,
           qr/\}:session:/);

my @hosts = docker_hosts(2);
run_tests();        # the block below starts nginx

sub containers { return map { $_->{docker}->containers } @hosts }
sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }

my %host = map { name($_) => $_ } @hosts;
my ($ada, $bob, $eve, $admin) = map { visitor($_) } qw(ada bob eve admin);

ok(wait_until(15, sub {
       my $log = error_log();
       return (() = $log =~ /rd fleet: host \S+ up,/g) >= 2;
   }), 'both hosts are found fit at the start');


# ---- from a click to a desktop ---------------------------------------------

# what is seen while it is being made is seen however slow the machine is
$_->{docker}->freeze for @hosts;

my $res = api($ada, 'POST create');

is($res->{code}, 200, 'create is answered at once');
is_deeply($res->{json}, { status => 'creating',
                          message => 'Container creation started' },
          'with the words of the original');

is(api($ada, 'POST create')->{json}{code}, 'creation_in_progress',
   'a second click while it is being made is told so');
like(api($ada, 'GET credentials')->{json}{code}, qr/^not_ready$/,
     'there are no credentials before it is ready');
$_->{docker}->thaw for @hosts;

my $ready = wait_progress($ada, 'ready|failed');

is($ready->{status}, 'ready', 'the desktop becomes ready')
    or diag(error_log() =~ s/^.*\[debug\].*\n//mgr);
is($ready->{message}, 'Desktop ready!', 'and says so');

my $session = api($ada, 'GET status')->{json}{session};
my $stored = session_of($ada);
my ($on) = $stored->{host};
my $docker = $host{$on}{docker};

is($session->{state}, 'ready', 'status knows it');
is($session->{vnc_url}, '/remote-desktop/vnc/2/', 'and where its viewer is');
ok($session->{timer}{time_remaining} > 3500
   && $session->{timer}{time_remaining} <= 3600, 'the clock began at ready');
is(api($ada, 'POST create')->{json}{code}, 'session_exists',
   'a further click is told that there is one');

my $inspect = JSON::PP::decode_json(
    $docker->docker('inspect', $stored->{container}))->[0];

is($inspect->{Config}{Labels}{'rd.site'}, 'test', 'the container has our site');
is($inspect->{Config}{Labels}{'rd.session'}, $stored->{id}, 'its session');
is($inspect->{Config}{Labels}{'rd.epoch'}, $stored->{epoch}, 'and its epoch');
is($inspect->{HostConfig}{Memory}, 256 * 1024 * 1024, 'its memory is bounded');
is($inspect->{HostConfig}{NanoCpus}, 500_000_000, 'half a processor is half');
is($inspect->{HostConfig}{ShmSize}, 64 * 1024 * 1024, 'so is shared memory');
is($inspect->{HostConfig}{PidsLimit}, 4096, 'and the number of processes');
is_deeply($inspect->{HostConfig}{CapDrop}, ['ALL'], 'all capabilities go');
is($inspect->{HostConfig}{PortBindings}{'6080/tcp'}[0]{HostIp},
   $host{$on}{sshd}->address, 'ports are published where the entry says');

like($docker->get(port => $stored->{web_port}, path => '/env'),
     qr/(?=.*RESOLUTION.*1280x720)(?=.*CTFD_USERNAME.*ada)
        (?=.*MAX_LIFETIME.*7500)(?=.*VNC_PASSWORD)/xs,
     'the image gets what its contract names');

my $password = api($ada, 'GET credentials')->{json}{vnc_password};
like($password, qr/^[A-Za-z0-9_-]{8}$/, 'the password comes by its own call');
is(api($ada, 'GET credentials')->{header}{'cache-control'}, 'no-store',
   'that nobody keeps');
planted_secret($password);


# ---- the gate ---------------------------------------------------------------

sub websocket {
    my ($visitor, $user) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $more = $client->websocket_headers("Host: localhost\n"
        . RD::Visitor::headers($visitor, 'GET'));

    $client->send(RD::Client::compose(
        "GET /remote-desktop/vnc/$user/websockify", $more, 'close'));

    my $res = $client->response(20, 'GET');
    $res->{greeting} = $client->websocket_receive(20) if $res->{code} == 101;
    $res->{client} = $client;

    return $res;
}

my $tunnel = websocket($ada, 2);
is($tunnel->{code}, 101, 'the owner goes in');
like($tunnel->{greeting}, qr/RFB 003\.008/, 'and meets his desktop');
is(websocket($bob, 2)->{code}, 403, 'a stranger does not');
is(websocket($admin, 2)->{code}, 101, 'an admin does');

unlike($docker->get(port => $stored->{web_port},
                    path => '/headers/websocket'),
       qr/cookie|authorization|csrf/i, 'no cookie reaches the container');

my $check = http('GET /remote-desktop/api/auth-check', visitor => $ada,
                 more => "X-User-ID: 2\n");
is($check->{code}, 200, 'auth-check says yes to the owner');
is($check->{header}{'x-vnc-host'}, $stored->{address}, 'where to go');
is($check->{header}{'x-vnc-port'}, $stored->{web_port}, 'and to which port');
is(http('GET /remote-desktop/api/auth-check', visitor => $bob,
        more => "X-User-ID: 2\n")->{code}, 403, 'no to a stranger');
is(http('GET /remote-desktop/api/auth-check', more => "X-User-ID: 2\n")->{code},
   401, 'and who to nobody');


# ---- more time --------------------------------------------------------------

for my $n (1 .. 3) {
    my $timer = api($ada, 'POST extend')->{json}{timer};

    is($timer->{extensions_used}, $n, "extension $n is counted");
    ok($timer->{time_remaining} > 3500 + $n * 1200, 'and gives its time');
}

is(api($ada, 'POST extend')->{json}{code}, 'max_extensions',
   'then there is no more');


# ---- a second player --------------------------------------------------------

api($bob, 'POST create');
is(wait_progress($bob, 'ready|failed')->{status}, 'ready',
   'a second player gets a desktop, too');
isnt(session_of($bob)->{host}, $on, 'on the other host');
isnt(api($bob, 'GET credentials')->{json}{vnc_password}, $password,
     'with another password');


# ---- Stop -------------------------------------------------------------------

is_deeply(api($ada, 'POST destroy')->{json}, { session => undef },
          'Stop is answered at once');
is(api($ada, 'GET status')->{json}{session}, undef, 'the session is gone');
is(websocket($ada, 2)->{code}, 410, 'the gate is closed');

ok(wait_until(15, sub { !grep { $_ eq $stored->{container} } containers() }),
   'the container is removed');
ok(wait_until(5, sub { !slots($on) }), 'its slot is free');
ok(wait_until(5, sub { history_of($ada) == 1 }), 'and history has one row');
is((history_of($ada))[0]{reason}, 'user_destroyed', 'with the reason');

is(api($ada, 'POST destroy')->{code}, 400, 'there is nothing more to stop');
is(session_of($ada)->{vnc_password}, undef, 'the password is forgotten');


# ---- a stop in the middle ---------------------------------------------------

$_->{docker}->freeze for @hosts;
api($ada, 'POST create');
is(api($ada, 'POST destroy')->{code}, 200, 'a creation can be cancelled');
is(progress($ada)->{status}, 'cancelled', 'and says so');
$_->{docker}->thaw for @hosts;
ok(wait_until(15, sub { containers() == 1 && !slots($on) }),
   'what was made of it is removed');


# ---- many clicks at once ----------------------------------------------------

{
    my @clients = map {
        my $client = RD::Client->connect($RD::ServerPort, 5);
        $client->send(RD::Client::compose('POST /remote-desktop/api/create',
            RD::Visitor::headers($eve, 'POST'), 'close'));
        $client;
    } 1 .. 20;

    my @codes = map { $_->response(40, 'POST')->{code} } @clients;

    is((grep { $_ == 200 } @codes), 1, 'of twenty clicks at once one counts');
    is((grep { $_ == 400 } @codes), 19, 'the others are told that one is made');
    wait_progress($eve, 'ready|failed');
    ok(wait_until(15, sub { containers() == 2 }), 'and one container is made');
    api($eve, 'POST destroy');

    # a write that waits for Redis below would hold up the next player's reads
    ok(wait_until(15, sub {
           !redis('ZCARD', 'rd:{' . site() . '}:stopping');
       }), 'which is removed again');
}


# ---- a player who closes the page at once -----------------------------------

{
    my ($client, $thinks);

    # a script of the worker's own that is paused first holds up the click's
    # reads behind it: then the click counts as usual, and the next one is tried
    for (1 .. 5) {
        $client = RD::Client->connect($RD::ServerPort, 5);
        my $asked = () = error_log() =~ /rd api: create asked for/g;

        redis('CLIENT', 'PAUSE', 20000, 'WRITE');
        $client->send(RD::Client::compose('POST /remote-desktop/api/create',
            RD::Visitor::headers($ada, 'POST'), 'close'));

        $thinks = wait_until(1, sub {
            (() = error_log() =~ /rd api: create asked for/g) > $asked;
        });
        last if $thinks;

        redis('CLIENT', 'UNPAUSE');
        $client->response(20, 'POST');
        api($ada, 'POST destroy');
        wait_until(15, sub {
            !redis('ZCARD', 'rd:{' . site() . '}:stopping');
        });
    }

    ok($thinks, 'a player clicks, and leaves while Redis is thinking');
    $client->close;
    ok(wait_until(5, sub {
           error_log() =~ /rd api: visitor left, his click counts/;
       }), 'which is noticed at once');
    redis('CLIENT', 'UNPAUSE');

    is(wait_progress($ada, 'ready|failed', 10)->{status}, 'ready',
       'his desktop is made all the same');
    api($ada, 'POST destroy');
}

api($bob, 'POST destroy');
ok(wait_until(20, sub { containers() == 0 && !map { slots($_) } keys %host }),
   'in the end nothing is left on the hosts');

my %rows = map { $_ => scalar history_of($_) } $ada, $bob, $eve;
is($rows{$bob}, 1, 'one row per session');

ok(error_log() !~ /\Q$password\E/, 'no password is in the log');

__DATA__

=== TEST 1: nginx starts with two hosts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  shm_size: 64m
  cpu_limit: 0.5
  resolution: 1280x720
--- request
GET /remote-desktop/api/status
--- error_code: 401
