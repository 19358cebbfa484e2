# A Redis that answers reads and refuses writes: reads go on, each write is
# refused by name, the log has Redis' words and the cure once, and its end.

use RD 'no_plan';
use RD::Place qw(free_port prefix);
use RD::Serve;
use RD::Site;
use RD::Tunnel;

my $config = $RD::Site::Config . <<'END';
        location = /metrics {
            rd_metrics;
        }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', $config) if !defined $block->config;
});
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);

run_tests();


my $ada = visitor('ada');
my $desktop = serve_desktop(many => 1);
give_desktop(2, $desktop, for_gates => 1, extensions_max => 100);

sub lines {
    my ($text) = @_;

    return scalar(() = error_log() =~ /$text/g);
}

sub metric {
    my ($name) = @_;

    return http('GET /metrics')->{body} =~ /^\Q$name\E (\S+)$/m ? $1 : undef;
}

sub extend { return api($ada, 'POST extend') }

is(extend()->{code}, 200, 'an extension is written');
is(metric('ngx_rd_redis_writable{connection="own"}'), 1,
   'the metric says that Redis takes writes');

# a folder of this name: the last rename of a snapshot fails, also for root
mkdir prefix() . '/dump.rdb';

sub cannot_save {
    my ($save) = @_;

    redis('CONFIG', 'SET', 'save', $save ? '3600 1' : '');

    if ($save) {
        redis('BGSAVE');
    }

    my $changed = wait_until(10, sub {
        my $refused = !eval { redis('PING'); 1 };
        return $save ? $refused : !$refused;
    });
    die 'Redis did not change its mind' if !$changed;
}

my %refusals = (
    MISCONF => {
        begin => sub { cannot_save(1) },
        end   => sub { cannot_save(0) },
        cure  => 'cannot save to disk',
    },
    READONLY => {
        begin => sub { redis('REPLICAOF', '127.0.0.1', free_port()) },
        end   => sub { redis('REPLICAOF', 'NO', 'ONE') },
        cure  => "read-only replica; use the master's address",
    },
    OOM => {
        begin => sub { redis('CONFIG', 'SET', 'maxmemory', 1) },
        end   => sub { redis('CONFIG', 'SET', 'maxmemory', 0) },
        cure  => 'maxmemory is used up',
    },
    NOREPLICAS => {
        begin => sub { redis('CONFIG', 'SET', 'min-replicas-to-write', 1) },
        end   => sub { redis('CONFIG', 'SET', 'min-replicas-to-write', 0) },
        cure  => 'min-replicas-to-write',
    },
);

for my $code (sort keys %refusals) {
    my $refusal = $refusals{$code};
    my $begun = '\[warn\].* rd redis own: writes are refused, reads go on: .*\b'
                . "$code\\b";
    my $over = 'rd redis own: writes are accepted again';
    my $ended = lines($over);

    $refusal->{begin}->();

    my $refused = extend();
    is($refused->{code}, 503, "$code: a write is refused");
    is($refused->{json}{code}, 'redis_no_write', "$code: by its name");
    ok($refused->{header}{'retry-after'} > 0, "$code: and may come again");
    like($refused->{json}{error} // $refused->{json}{message} // '',
         qr/no changes/, "$code: with a sentence");
    extend() for 1 .. 3;

    is(api($ada, 'GET status')->{code}, 200, "$code: the status is read");
    ok(ref tunnel($ada, 2), "$code: the gate lets in");

    is(lines($begun), 1, "$code: the log has one line");
    ok(lines("$begun.*\Q$refusal->{cure}\E.*\\(rd_redis unix:"),
       "$code: with cause, cure and directive");
    is(metric('ngx_rd_redis_writable{connection="own"}'), 0,
       "$code: the metric says that writes are refused");
    is(metric('ngx_rd_redis_up{connection="own"}'), 1, "$code: reads are up");
    cmp_ok(metric('ngx_rd_redis_errors_total{connection="own",'
                  . 'error="redis_no_write"}'), '>=', 4,
           "$code: refused calls are counted");

    $refusal->{end}->();

    ok(wait_until(5, sub { lines($over) > $ended }),
       "$code: the end is noticed without a request, and logged");
    ok(wait_until(5, sub { extend()->{code} == 200 }),
       "$code: writes are taken again");
    is(metric('ngx_rd_redis_writable{connection="own"}'), 1,
       "$code: and the metric says so");
}


# ---- told at connect ---------------------------------------------------------

# Redis cannot save, and nginx starts anew
{
    cannot_save(1);
    my $line = 'rd redis own: writes are refused';
    my $begun = lines($line);

    nginx()->reload;

    ok(wait_until(5, sub { lines($line) > $begun }),
       'a new worker says at once that writes are refused');
    is(api($ada, 'GET status')->{code}, 200, 'and serves what is only read');
    ok(ref tunnel($ada, 2), 'and the gate lets in');
    is(extend()->{json}{code}, 'redis_no_write', 'and a write has its name');
    ok(lines('rd redis ctfd: writes are refused, reads go on: MISCONF'),
       "CTFd's Redis is named as well");

    cannot_save(0);
    ok(wait_until(5, sub { extend()->{code} == 200 }), 'and it ends by itself');
}

# records may be evicted
{
    my $policy = qr/\[warn\].* maxmemory-policy is allkeys-lru: .* \(rd_redis /;

    redis('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    nginx()->reload;

    ok(wait_until(5, sub { lines($policy) == 1 }),
       'a policy that evicts records is named at connect');
    redis('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
}

# a replica that takes writes loses them
{
    redis('REPLICAOF', '127.0.0.1', free_port());
    redis('CONFIG', 'SET', 'replica-read-only', 'no');
    nginx()->reload;

    ok(wait_until(5, sub { lines('\[warn\].* this is a replica, its master') }),
       'a writable replica is named at connect');

    redis('CONFIG', 'SET', 'replica-read-only', 'yes');
    redis('REPLICAOF', 'NO', 'ONE');
}


# ---- answers, but cannot serve -----------------------------------------------

# a script that never ends
{
    redis('CONFIG', 'SET', 'lua-time-limit', 50);

    my $other = RD::Redis::_connect(own_redis());
    print $other "EVAL 'while true do end' 0\r\n";
    $other->flush;

    ok(wait_until(5, sub { !eval { redis('PING'); 1 } }),
       'a script blocks Redis');

    my $res = api($ada, 'GET status');
    is($res->{code}, 503, 'nobody can be asked');
    is($res->{json}{code}, 'redis_down', 'by its name');
    ok(wait_until(5, sub {
        lines('\[warn\].* rd redis own: the server answers but cannot serve: '
              . 'BUSY .*SCRIPT KILL');
    }), 'the log says why, and what helps');
    is(metric('ngx_rd_redis_up{connection="own"}'), 0, 'the metric says down');

    redis('SCRIPT', 'KILL');
    ok(wait_until(5, sub { lines('rd redis own: the server serves again') }),
       'the end is noticed and logged');
    is(api($ada, 'GET status')->{code}, 200, 'and all is well');
}

# scripts are forgotten
{
    redis('SCRIPT', 'FLUSH');
    is(extend()->{code}, 200, 'a script that Redis forgot is sent again');
}

# a replica without its master, which is not to serve old data
{
    redis('CONFIG', 'SET', 'replica-serve-stale-data', 'no');
    redis('REPLICAOF', '127.0.0.1', free_port());

    is(api($ada, 'GET status')->{json}{code}, 'redis_down',
       'a replica that lost its master serves nothing');
    ok(lines("\\[warn\\].* cannot serve: MASTERDOWN .*the master's address"),
       'the log says why');

    redis('REPLICAOF', 'NO', 'ONE');
    redis('CONFIG', 'SET', 'replica-serve-stale-data', 'yes');
    ok(wait_until(5, sub { api($ada, 'GET status')->{code} == 200 }),
       'and it is back without a hand');
}

# the ACL forbids scripts
{
    redis('ACL', 'SETUSER', 'default', '-evalsha');

    my $res = extend();
    is($res->{code}, 503, 'a command that the ACL forbids is refused');
    is($res->{json}{code}, 'redis_refused', 'by its name');
    ok(wait_until(5, sub {
        lines('\[warn\].* the server refuses a command: NOPERM .*evalsha.*'
              . 'docs/REDIS.md');
    }), 'the log says why');

    redis('ACL', 'SETUSER', 'default', '+@all');
    is(extend()->{code}, 200, 'and it works when it is allowed');
}

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
