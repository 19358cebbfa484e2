# Redis goes away in the middle, and comes back with nothing.

use RD 'no_plan';
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|host|pace|seq|queue_reason)/,
           qr/\}:session:/);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};

run_tests();

our $ada = visitor('ada');
our $bob = visitor('bob');

sub status { return api($ada, 'GET status') }

is(status()->{code}, 200, 'all is well');


# ---- away and back ----------------------------------------------------------

own_redis()->stop;

my $down = status();
is($down->{code}, 503, 'without Redis the answer is 503');
like($down->{json}{code}, qr/^redis_(?:down|lost)$/,
     'and says what is missing');
ok($down->{header}{'retry-after'} > 0, 'and when to come again');
is(api($ada, 'POST create')->{code}, 503, 'nothing can be created');
like(http('GET /remote-desktop/api/status', visitor => $ada,
          more => "Accept: text/html\n")->{body},
     qr/The (?:connection to the )?session store/, 'a browser gets a page');
is(http('GET /remote-desktop/vnc/2/websockify', visitor => $ada,
        more => RD::Client->connect($RD::ServerPort, 5)
                ->websocket_headers("Host: localhost\n"))->{code},
   503, 'the gate says the same');

own_redis()->start;
$_ = visitor($_->{name}) for $ada, $bob;

ok(wait_until(10, sub { status()->{code} == 200 }),
   'when it is back everything goes on, untouched');


# ---- killed while a container is being made ---------------------------------

$docker->freeze;
api($ada, 'POST create');
ok(wait_until(5, sub { error_log() =~ /queued -> creating/ }),
   'a container is being made');
own_redis()->stop;
$docker->thaw;

ok(wait_until(10, sub { error_log() =~ /rd session \w+: waiting, redis_/ }),
   'Redis is killed: the session waits for it');
own_redis()->start;                     # empty: nobody knows the session
$_ = visitor($_->{name}) for $ada, $bob;

ok(wait_until(20, sub { error_log() =~ /is none now, no longer ours/ }),
   'it comes back empty: the session is no longer ours');
ok(wait_until(20, sub { !$docker->containers }),
   'and the container that was made is removed');


# ---- paused -----------------------------------------------------------------

# CTFd's connection may come back later than ours
ok(wait_until(10, sub { api($bob, 'GET status')->{code} == 200 }),
   'everything goes on');
api($bob, 'POST create');
is(wait_progress($bob, 'ready|failed')->{status}, 'ready', 'a new life begins');

redis('CLIENT', 'PAUSE', 10000);
my $slow = status();
is($slow->{code}, 503, 'a Redis that does not answer costs two seconds');
is($slow->{json}{code}, 'redis_timeout', 'and has a name');

ok(wait_until(20, sub { status()->{code} == 200 }),
   'after ten seconds all is well again');
is(progress($bob)->{status}, 'ready', 'and the desktop is there');

api($bob, 'POST destroy');
ok(wait_until(20, sub { !$docker->containers }), 'and nothing is left');

my $log = error_log();
cmp_ok(scalar(() = $log =~ /\[error\].*rd redis/g), '<', 20,
       'the log does not repeat itself');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
--- request
GET /remote-desktop/api/status
--- error_code: 401
