use RD::Probe;
use RD 'no_plan';

leave_keys(qr/^t:/);

run_tests();


# ---- the server dies between send and reply --------------------------------

my ($lost, $ready) = map { log_count("rd redis own: $_") }
                     'connection lost', 'ready';

my $redis = own_redis();

# a hundred calls are out, and Redis thinks

sub pending {
    my $sent = log_count('rd redis call: sent');

    kill STOP => $redis->pid;
    my $client = ask('/many');
    ok(wait_for_log('rd redis call: sent', $sent + 100), 'the calls are out');

    return $client;
}

# without a word, unlike RD::Redis, which lets it answer first

sub killed {
    kill KILL => $redis->pid;
    wait_until(5, sub { !$redis->running }) or die "redis-server lives\n";
    $redis->stop;
}

for my $round (1, 2) {
    my $client = pending();
    killed();

    is(answer($client), "redis_lost:100\n",
       "round $round: each of a hundred waiters is answered, once");
    ok(wait_for_log('rd redis own: connection lost', $lost + $round),
       "round $round: the loss is in the log");

    is(answer(ask('/ping')), "redis_down\n",
       "round $round: meanwhile calls are refused at once");

    my $attempts = log_count('rd redis own: connecting');
    ok($round > 1 || wait_for_log('rd redis own: connecting', $attempts + 3),
       "round $round: it is tried again and again");

    $redis->start;
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       "round $round: it is back without a hand");
    is(log_count('rd redis own: ready'), $ready + $round,
       "round $round: and says so once");
}

is(log_count('rd redis own: (?:connection lost|not reachable|refused)'),
   $lost + 2, 'an outage is said once, however many attempts it takes');


# ---- the visitor leaves, then the server dies ------------------------------

{
    pending()->close;
    ok(wait_for_log('client prematurely closed connection', 1), 'he left');
    killed();
    ok(wait_for_log('rd redis call: reply dropped', 100),
       'what nobody waits for is dropped with the connection');

    $redis->start;
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       'and all is well afterwards');
}


# ---- a call and the loss in one turn of the loop ----------------------------

{
    my $client = RD::Client->connect($ENV{TEST_NGINX_SERVER_PORT}, 5);
    my $request = RD::Client::compose('GET /ping', '', 'keep-alive');

    $client->send($request);
    is(answer($client), "ok\nstring 4 PONG\n", 'before');

    my ($worker) = nginx()->workers;
    kill STOP => $worker;
    $client->send($request);
    killed();
    kill CONT => $worker;

    # down, when the worker saw the loss before the request
    like(answer($client), qr/\Aredis_(?:lost|down)\n\z/,
         'a command that could not be written any more is answered');
    $client->close;

    $redis->start;
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       'and nothing else');
}


# ---- the server closes by itself -------------------------------------------

{
    my $count = log_count('rd redis own: connection lost');

    redis('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    ok(wait_for_log('rd redis own: connection lost', $count + 1),
       'an idle connection that is closed is noticed');
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       'and made again');
}

__DATA__

=== TEST 1: a hundred calls in one turn leave and come back
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=20000;
--- config
location = /ping { probe_call own PING; }
location = /many { probe_calls own 100 PING; }
--- request
GET /many
--- response_body
ok:100
