use RD::Probe;
use RD 'no_plan';

leave_keys(qr/^t:/);

run_tests();

my $redis = own_redis();
my $conf = nginx()->{text};

# A call is out, and Redis does not answer it.

sub pending {
    my ($uri) = @_;

    my $sent = log_count('rd redis call: sent');
    kill STOP => $redis->pid;
    my $client = ask($uri);
    ok(wait_for_log('rd redis call: sent', $sent + 1), 'a call is out');

    return $client;
}

sub leaving { scalar(() = error_log() =~ /gracefully shutting down/g) }

sub quit {
    my $before = leaving();

    kill QUIT => nginx()->pid;
    ok(wait_until(5, sub { leaving() > $before }), 'the worker got QUIT');
}

sub again {
    nginx()->start($conf);

    # both connections
    wait_until(10, sub { answer(ask("/$_")) eq "ok\nstring 4 PONG\n" })
        or die "$_: no reply\n" for qw(ping short);
}


# Redis answers in time
{
    my $client = pending('/ping');
    quit();
    kill CONT => $redis->pid;

    is(answer($client), "ok\nstring 4 PONG\n",
       'a worker that shuts down waits for the reply');
    ok(nginx()->stop, 'and leaves');
}

# Redis does not
{
    again();
    my $client = pending('/short');
    quit();

    is(answer($client), "redis_timeout\n", 'or for the deadline');
    ok(nginx()->stop, 'and leaves');
    kill CONT => $redis->pid;
}

# the visitor does not wait, so the worker need not, either
{
    again();
    my $client = pending('/ping');
    quit();
    $client->close;

    ok(nginx()->stop, 'a call nobody waits for keeps no worker');
    kill CONT => $redis->pid;
}

# TERM does not wait
{
    again();
    my $client = pending('/ping');
    kill TERM => nginx()->pid;

    is(answer($client), "redis_lost\n", 'a worker that is ended tells so');
    ok(nginx()->stop, 'and is gone');
    kill CONT => $redis->pid;
}

# reload
{
    again();
    my $client = pending('/ping');
    my $before = leaving();
    kill HUP => nginx()->pid;
    ok(wait_until(5, sub { leaving() > $before }), 'a reload');
    kill CONT => $redis->pid;

    is(answer($client), "ok\nstring 4 PONG\n",
       'a call survives a reload in the old worker');
    is(answer(ask('/ping')), "ok\nstring 4 PONG\n", 'the new one works, too');
    ok(nginx()->stop, 'all leave');
}

# a worker that starts while Redis thinks
{
    kill STOP => $redis->pid;
    nginx()->start($conf);

    my $client = ask('/ping');
    ok(wait_for_log('rd redis call: waits for a connection', 1),
       'a call that comes before the connection is set up waits for it');
    kill CONT => $redis->pid;

    is(answer($client), "ok\nstring 4 PONG\n", 'and is sent then');
    ok(nginx()->stop, 'and leaves');
}

# no Redis at all: neither a pause nor an attempt keeps the worker
{
    again();
    $redis->stop;
    is(answer(ask('/ping')), "redis_down\n", 'Redis is down');
    ok(nginx()->stop, 'reconnecting keeps no worker');
    unlike(error_log(), qr/open socket/, 'and no socket is left');
}

__DATA__

=== TEST 1: a worker starts
--- http_config
probe_redis own   127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=60000;
probe_redis short 127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=300;
--- config
location = /ping  { probe_call own PING; }
location = /short { probe_call short PING; }
--- request
GET /ping
--- response_body
ok
string 4 PONG
