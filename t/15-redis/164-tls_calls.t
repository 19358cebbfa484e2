# Calls over TLS: many at once, replies larger than a record, a server that
# hangs, and one that dies in between.

use RD::Probe;
use RD 'no_plan';
use RD::Certificates;
use RD::Place qw(free_port);

my $ca = RD::Certificates->new('ca');
my ($cert, $key) = $ca->issue('redis', 'IP:127.0.0.1');

my $redis = own_redis();
$redis->stop;
$ENV{TEST_NGINX_TLS_PORT} = free_port();
$ENV{TEST_NGINX_CA} = $ca->ca;
$redis->{conf} = <<"CONF";
port 0
tls-port $ENV{TEST_NGINX_TLS_PORT}
tls-cert-file $cert
tls-key-file $key
tls-ca-cert-file @{[$ca->ca]}
tls-auth-clients no
CONF
own_redis();

leave_keys(qr/^t:/);

run_tests();


{
    kill STOP => $redis->pid;
    my $client = ask('/many');
    is(answer($client, 8), "redis_timeout:500\n",
       'a server that hangs costs one deadline');
    kill CONT => $redis->pid;
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       'and is used again when it goes on');
}

{
    kill STOP => $redis->pid;
    my $sent = log_count('rd redis call: sent');
    my $client = ask('/many');
    ok(wait_for_log('rd redis call: sent', $sent + 500), 'calls are out');
    kill KILL => $redis->pid;
    is(answer($client), "redis_lost:500\n",
       'each waiter is told when the server dies');

    wait_until(5, sub { !$redis->running });
    $redis->stop;
    $redis->start;
    ok(wait_until(10, sub { answer(ask('/ping')) eq "ok\nstring 4 PONG\n" }),
       'the connection is made anew, handshake included');
}

__DATA__

=== TEST 1: a reply of many records is whole
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_TLS_PORT timeout=1500 tls=$TEST_NGINX_CA;
--- config
location = /ping { probe_call own PING; }
location = /many { probe_calls own 500 PING; }
location = /big  { probe_script own "return string.rep('x', 100000)" 0; }
--- request
GET /big
--- response_body eval
"ok\nstring 100000 " . "x" x 100000 . "\n"


=== TEST 2: five hundred calls leave in one turn
--- request
GET /many
--- response_body
ok:500
