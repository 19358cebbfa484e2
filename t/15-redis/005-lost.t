use RD::Probe;
use RD 'no_plan';

leave_keys(qr/^t:/);

run_tests();


# ---- the server dies between send and reply --------------------------------

my ($lost, $ready) = map { log_count("rd redis own: $_") }
                     'connection lost', 'ready';

my $redis = own_redis();

sub killed_with {
    my ($uri, $calls) = @_;

    my $sent = log_count('rd redis call: sent');

    kill STOP => $redis->pid;
    my $client = ask($uri);
    ok(wait_for_log('rd redis call: sent', $sent + $calls), "$uri is out");
    $redis->stop('KILL');

    return $client;
}

for my $round (1 .. 3) {
    my $client = killed_with('/many', 100);

    is(answer($client), "redis_lost:100\n",
       "round $round: each of a hundred waiters is answered, once");
    ok(wait_for_log('rd redis own: connection lost', $lost + $round),
       "round $round: the loss is in the log");

    is(answer(ask('/ping')), "redis_down\n",
       "round $round: meanwhile calls are refused at once");

    $redis->start;
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       "round $round: it is back without a hand");
    is(log_count('rd redis own: ready'), $ready + $round,
       "round $round: and says so once");
}

is(log_count('rd redis own: (?:connection lost|not reachable|refused)'),
   $lost + 3, 'an outage is said once, however many attempts it takes');


# ---- the visitor leaves, then the server dies ------------------------------

{
    my $client = killed_with('/many', 100);
    $client->close;
    $redis->start;
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       'calls nobody waits for are dropped with the connection');
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
