use RD::Probe;
use RD 'no_plan';

leave_keys(qr/^t:/);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'CONF') if !$block->http_config;
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=1500 calls_max=10;
probe_redis patient 127.0.0.1:$TEST_NGINX_REDIS_PORT timeout=60000;
CONF
    $block->set_value(config => <<'CONF');
location = /ping  { probe_call own PING; }
location = /wait  { probe_call patient PING; }
location = /pop   { probe_call own BLPOP t:list 0; }
location = /many  { probe_calls own 10 PING; }
location = /more  { probe_calls own 25 PING; }
location = /leave { probe_cancel own 5 PING; }
location = /leave_more { probe_cancel own 25 PING; }
CONF
});

run_tests();


# ---- a server that thinks: stopped, so that nothing hurries ----------------

sub freeze { kill STOP => own_redis()->pid }
sub thaw   { kill CONT => own_redis()->pid }

my $sent = log_count('rd redis call: sent');

# a call that is answered late, and one after it
{
    freeze();
    is(answer(ask('/ping')), "redis_timeout\n", 'a call ends at its deadline');

    my $dropped = log_count('rd redis call: reply dropped');
    my $sent = log_count('rd redis call: sent');
    is(answer(ask('/ping')), "redis_timeout\n", 'one after it, at once');
    is(log_count('rd redis call: sent'), $sent, 'without being sent');
    thaw();

    ok(wait_for_log('rd redis call: reply dropped', $dropped + 1),
       'the late reply was dropped');
    is(answer(ask('/ping')), "ok\nstring 4 PONG\n", 'the next one is served');
    is(log_count('rd redis own: connection lost'), 0,
       'and the connection was kept');
}

# as many as may wait, and not one more
{
    freeze();
    is(answer(ask('/more')), "redis_timeout:10\nredis_queue_full:15\n",
       'above calls_max calls are refused');
    is(answer(ask('/ping')), "redis_queue_full\n",
       'what waits for a late reply still counts');
    thaw();

    ok(wait_until(5, sub {
        answer(ask('/ping')) eq "ok\nstring 4 PONG\n";
    }), 'and there is room again when the replies have come');
    is(answer(ask('/many')), "ok:10\n", 'room for all');
}

# the visitor leaves while Redis thinks
{
    my $before = log_count('rd redis call: sent');
    my $dropped = log_count('rd redis call: reply dropped');

    freeze();
    my @visitors = map { ask('/wait') } 1 .. 5;
    ok(wait_for_log('rd redis call: sent', $before + 5), 'five calls are out');
    $_->close for @visitors;

    ok(wait_for_log('client prematurely closed connection', 5),
       'nginx sees the visitors leave before Redis answers');
    thaw();

    ok(wait_for_log('rd redis call: reply dropped', $dropped + 5),
       'their replies are dropped');
    is(answer(ask('/ping')), "ok\nstring 4 PONG\n", 'all is well afterwards');
}

# one that lasts: Redis itself goes on, only this reply is late
{
    is(answer(ask('/pop')), "redis_timeout\n", 'a blocking command ends, too');
    my $dropped = log_count('rd redis call: reply dropped');
    redis('LPUSH', 't:list', 'late');
    ok(wait_for_log('rd redis call: reply dropped', $dropped + 1),
       'its reply is dropped');
    is(answer(ask('/many')), "ok:10\n", 'replies still go to their own calls');
}

# three deadlines without one byte: the line is dead
{
    my $lost = log_count('rd redis own: connection lost');

    freeze();
    ok(wait_until(10, sub {
        answer(ask('/ping'));
        return log_count('rd redis own: connection lost') > $lost;
    }), 'a silent server loses its connection');
    ok(error_log() =~ /reason: silent for \d+ms/, 'and the log says why');

    my $opened = log_count('rd redis own: connecting');
    ok(wait_for_log('rd redis own: connecting', $opened + 1),
       'it is connected to again');
    ok(wait_until(5, sub { answer(ask('/ping')) eq "redis_down\n" }),
       'but nobody waits for it before it has said something');
    thaw();

    ok(wait_until(10, sub {
        answer(ask('/ping')) eq "ok\nstring 4 PONG\n";
    }), 'it is back without a hand');
}

__DATA__

=== TEST 1: ten may wait
--- init
wait_until(20, sub { answer(ask("/$_")) eq "ok\nstring 4 PONG\n" })
    for qw(ping wait);
--- request
GET /many
--- response_body
ok:10


=== TEST 2: an eleventh may not, and nobody is forgotten
--- request
GET /more
--- response_body
ok:10
redis_queue_full:15


=== TEST 3: who changes his mind at once is not called back
--- request
GET /leave
--- response_body
cancelled:5
--- grep_error_log: rd redis call: reply dropped
--- grep_error_log_out
rd redis call: reply dropped
rd redis call: reply dropped
rd redis call: reply dropped
rd redis call: reply dropped
rd redis call: reply dropped


=== TEST 4: nor who was refused already
--- request
GET /leave_more
--- response_body
cancelled:25
--- grep_error_log: rd redis call: reply dropped
--- grep_error_log_out eval
"rd redis call: reply dropped\n" x 10


=== TEST 5: and all places are free again
--- request
GET /many
--- response_body
ok:10
