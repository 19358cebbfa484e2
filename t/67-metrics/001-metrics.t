# What rd_metrics tells, and that Prometheus can read it.

use RD 'no_plan';
use RD::Place qw(prefix spew);
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop();

my $config = $RD::Site::Config . <<'END';
        location = /metrics {
            rd_metrics;
        }

        location ~ ^/web/([0-9]+)/$ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend/;
        }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', $config) if !defined $block->config;
    $block->set_value('redis', ready_session(2, $desktop)
        . ready_session(4, $desktop, state => 'queued', step => 'queued')
        . ready_session(5, $desktop, state => 'starting', step => 'waiting_vnc')
        . join '', map { sprintf "ZADD rd:{test}:live %d %032x\n", @$_ }
                   [1, 2], [2, 4], [3, 5])
        if !defined $block->must_die;
});
add_block_preprocessor(\&RD::Site::preprocess);

workers(2);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:host|sweep|slots|story)/);
run_tests();


# { 'name{label="x"}' => value }, and the text

sub scrape {
    my $text = http('GET /metrics')->{body};
    my %value = map { /^(\S+(?: [^}]*\})?\S*) (\S+)$/ ? ($1, $2) : () }
                grep { !/^#/ } split /\n/, $text;

    return (\%value, $text);
}

sub decisions {
    my ($result) = @_;

    my ($value) = scrape();
    my $n = 0;

    $n += $value->{qq(ngx_rd_gate_decisions_total{result="$result",)
                   . qq(source="$_"})} // 0 for qw(warm cold);
    return $n;
}

redis('ZADD', 'rd:{test}:expiry', 9e15, sprintf('%032x', 2));

my $ada = visitor('ada');
my $bob = visitor('bob');


# ---- the gate ----------------------------------------------------------------

http('GET /web/2/', visitor => $ada) for 1 .. 5;
http('GET /web/2/', visitor => $bob) for 1 .. 3;
http('GET /web/2/');
http('GET /web/0/');

is(decisions('ok'), 5, 'who was let in is counted, by all workers together');
is(decisions('forbidden'), 3, 'and who was not, by reason');
is(decisions('login_required'), 1, 'also without a cookie');
is(decisions('not_found'), 1, 'and without a desktop');

my ($value, $text) = scrape();
my $cold = 'source="cold"';

is($value->{"ngx_rd_gate_decision_duration_seconds_count{$cold}"}
   + $value->{'ngx_rd_gate_decision_duration_seconds_count{source="warm"}'},
   10, 'the time of each is counted once');
is($value->{"ngx_rd_gate_decision_duration_seconds_bucket{$cold,le=\"+Inf\"}"},
   $value->{"ngx_rd_gate_decision_duration_seconds_count{$cold}"},
   'in one bucket');
ok($value->{"ngx_rd_gate_decision_duration_seconds_sum{$cold}"} > 0,
   'and takes time');

http('GET /remote-desktop/api/auth-check', visitor => $_,
     more => "X-User-ID: 2\n") for $ada, undef;

is(decisions('ok'), 6, 'what auth-check decides counts, too');
is(decisions('login_required'), 2, 'whatever it is');


# ---- tunnels -----------------------------------------------------------------

sub tunnels { my ($now) = scrape(); return $now->{ngx_rd_tunnels} }

is(tunnels(), 0, 'no tunnel is open');

my @clients = map {
    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $more = $client->websocket_headers("Host: localhost\n"
        . RD::Visitor::headers($ada, 'GET'));
    $client->send(RD::Client::compose(
        'GET /remote-desktop/vnc/2/websockify', $more, 'close'));
    $client->response(20, 'GET');
    $client;
} 1;

is(tunnels(), 1, 'one is');
$_->close for @clients;
ok(wait_until(5, sub { tunnels() == 0 }), 'and none when its viewer has left');

# who is told to go and hangs on is not waited for
{
    my $client = RD::Client->connect($RD::ServerPort, 5);
    $client->send(RD::Client::compose(
        'GET /remote-desktop/vnc/2/websockify', $client->websocket_headers(
        "Host: localhost\n" . RD::Visitor::headers($ada, 'GET')), 'close'));
    $client->response(20, 'GET');
    $client->websocket_receive(20);
    is(tunnels(), 1, 'one is again');

    redis('HSET', 'rd:{' . RD::site() . '}:user:2', 'banned', 1);
    is($client->websocket_receive(20), 'close 4004 banned', 'it is told to go');
    ok(wait_until(20, sub { tunnels() == 0 }), 'and none is soon after');
    $client->close;
    redis('HSET', 'rd:{' . RD::site() . '}:user:2', 'banned', 0);
}


# ---- Redis, sessions, hosts --------------------------------------------------

is($value->{'ngx_rd_redis_up{connection="own"}'}, 1, 'Redis is up');
ok($value->{'ngx_rd_redis_call_duration_seconds_count{connection="own"}'} > 5,
   'its calls are counted');
ok($value->{'ngx_rd_redis_call_duration_seconds_count{connection="ctfd"}'} > 5,
   'those to CTFd\'s Redis on their own');

is($value->{'ngx_rd_sessions{state="ready"}'}, 1, 'one session is ready');
is($value->{'ngx_rd_sessions{state="starting"}'}, 1, 'one is starting');
is($value->{'ngx_rd_sessions{state="creating"}'}, 0, 'none is being created');
is($value->{'ngx_rd_queue_length'}, 1, 'one waits for a host');

is($value->{'ngx_rd_host_sessions_max{host="192.0.2.1"}'}, 50,
   'a host has its slots');
is($value->{'ngx_rd_host_active{host="192.0.2.1"}'}, 1, 'takes sessions');
is($value->{'ngx_rd_host_up{host="192.0.2.1"}'}, 0, 'but is not up');
ok($text !~ /ngx_rd_sweep_last_success_timestamp_seconds\{/,
   'and was never swept');

redis('HSET', 'rd:{test}:host:192.0.2.1', 'mode', 'cordoned', 'health', 'up',
      'next_ms', 9e15, 'checked_ms', 1);
redis('HSET', 'rd:{test}:sweep:192.0.2.1', 'last_ok_ms', 1700000000123,
      'next_ms', 9e15);
redis('SADD', 'rd:{test}:slots:192.0.2.1', 'a', 'b');
($value) = scrape();

is($value->{'ngx_rd_host_active{host="192.0.2.1"}'}, 0, 'a cordon is seen');
is($value->{'ngx_rd_host_sessions{host="192.0.2.1"}'}, 2, 'and held slots');
is($value->{'ngx_rd_sweep_last_success_timestamp_seconds{host="192.0.2.1"}'},
   1700000000, 'and a sweep');

redis('DEL', map { "rd:{test}:$_:192.0.2.1" } qw(host sweep slots));


# ---- labels ------------------------------------------------------------------

my %label = map { $_ => 1 } $text =~ /(\w+)="/g;
is_deeply([sort keys %label],
          [qw(by connection host le phase reason result source state)],
          'no user, no team and no session is a label');
ok($text !~ /\b(?:ada|bob)\b/, 'nor a value');


# ---- Prometheus reads it -----------------------------------------------------

spew(prefix() . '/metrics.txt', $text);
my $said = qx(promtool check metrics < '@{[prefix()]}/metrics.txt' 2>&1);
is($?, 0, 'promtool finds no fault') or diag($said);
is($said, '', 'and has nothing to say');


# ---- Redis away, nginx reloaded ----------------------------------------------

kill STOP => own_redis()->pid;
($value, $text) = scrape();
kill CONT => own_redis()->pid;
is($value->{'ngx_rd_gate_decisions_total{result="forbidden",source="cold"}'},
   3, 'what nginx has counted is there without Redis');
ok($text !~ /^ngx_rd_sessions/m, 'what only Redis knows is left out');
ok(wait_until(10, sub { (scrape())[1] =~ /^ngx_rd_sessions/m }),
   'and comes back');
ok((scrape())[1] =~ /^ngx_rd_redis_errors_total\{.*"redis_timeout"\} [1-9]/m,
   'the calls that failed are counted');

nginx->reload;
is(decisions('forbidden'), 3, 'a reload forgets nothing');
http('GET /web/2/', visitor => $bob);
is(decisions('forbidden'), 4, 'and counting goes on');

__DATA__

=== TEST 1: rd_metrics twice is refused
--- config
location = /metrics { rd_metrics; rd_metrics; }
--- must_die
--- error_log
"rd_metrics" directive is duplicate


=== TEST 2: a POST is refused
--- request
POST /metrics
--- error_code: 405
--- response_headers
Allow: GET, HEAD


=== TEST 3: HEAD has no body
--- request
HEAD /metrics
--- error_code: 200
--- response_body


=== TEST 4: it is text of the format's version
--- request
GET /metrics
--- error_code: 200
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
Cache-Control: no-store
--- response_body_like
^# HELP ngx_rd_gate_decisions_total .+
# TYPE ngx_rd_gate_decisions_total counter
