# Hundreds of containers without a session on one host: they are judged in
# pieces, and a few lines and events stand for all of them.  A container whose
# desktop is in use stays for a while, though its record is gone.

use RD 'no_plan';
use IO::Socket::UNIX;
use JSON::PP ();
use RD::DockerHost;
use RD::Site;
use RD::Tunnel;

use constant { CONTAINERS => 600, PIECE => 250, TOLD => 20 };

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|held)/, qr/\}:session:/);

my $socket = $ENV{TEST_NGINX_ENGINE} = RD::Place::socket_path('engine.sock');
my $tag = 'rd:{' . RD::site() . '}:';
my $ada = visitor('ada');

my $engine = RD::DockerHost::spawn('/dev/null', 'python3',
    RD::Place::top() . '/t/fake/docker.py', '--age', 60, $socket);

add_cleanup_handler(sub { RD::DockerHost::end_process($engine) });
wait_until(10, sub { IO::Socket::UNIX->new(Peer => $socket) })
    or die "the fake engine did not start\n";

# asks the engine: the status of its answer, and the body
sub ask {
    my ($what, $body) = @_;

    my $s = IO::Socket::UNIX->new(Peer => $socket) or die "engine: $!\n";
    my $text = $body ? JSON::PP::encode_json($body) : '';
    print {$s} "$what HTTP/1.1\r\nHost: d\r\nConnection: close\r\n",
        $body ? "Content-Type: application/json\r\nContent-Length: "
                . length($text) . "\r\n" : '', "\r\n$text";

    my $answer = do { local $/; <$s> };
    my ($status) = $answer =~ /^HTTP\S+ (\d+)/;
    return ($status, $answer =~ s/.*?\r\n\r\n//sr);
}

sub containers {
    my (undef, $list) = ask('GET /containers/json?all=1');
    return map { $_->{Names}[0] } @{ JSON::PP::decode_json($list) };
}

# the calls that judged, of the last sweeps: so many containers, microseconds
sub judged {
    return map {
        my ($us, $args) = @$_[2, 3];
        my ($more) = ($args->[-1] // '') =~ /^\.\.\. \((\d+) more/;
        ($args->[0] // '') =~ /^EVALSHA$/i && $more
            ? [(@$args - 1 + $more - 3 - 5) / 5, $us] : ();
    } @{ redis('SLOWLOG', 'GET', -1) };
}

sub in_use {
    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'ada has a desktop');
    my $id = redis('GET', "${tag}owner:$ada->{id}");
    my $tunnel = tunnel($ada, $ada->{id});
    ok(ref $tunnel, 'and looks at it');
    ok(wait_until(5, sub { redis('ZCARD', "${tag}viewers") }),
       'which Redis knows');

    my $sweeps = sub {
        return redis('HGET', "${tag}sweep:localhost", 'number') // 0;
    };
    my $number = $sweeps->();
    redis('DEL', "${tag}session:$id");

    my $short = substr $id, 0, 8;
    ok(wait_until(10, sub {
           error_log() =~ /\[warn\].*session\ $short:\ its\ record\ is\ gone
                           .*tunnels:1:.*maxmemory-policy/x;
       }), 'her record is evicted: the log says so, and what Redis needs');
    ok(wait_until(10, sub { $sweeps->() > $number + 3 }), 'after more sweeps');
    is(scalar(containers()), 1, 'her container is still there');
    is(scalar(() = error_log() =~ /its record is gone/g), 1,
       'the log says it once');
    is(slots('localhost'), 1, 'it has its slot');

    $tunnel->close;
    ok(wait_until(20, sub { !containers() && !slots('localhost') }),
       'when she leaves, it is removed');
}

sub many {
    # the first session gives the installation its name
    my $label = { 'rd.site' => RD::site(), 'rd.epoch' => '1',
                  'rd.installation' => redis('GET', "${tag}installation") };

    my %codes;
    redis('HSET', "${tag}sweep:localhost", 'next_ms', '9' x 13);

    for my $n (1 .. CONTAINERS) {
        my ($code) = ask("POST /containers/create?name=rd-orphan-$n",
                         { Image => 'rd-test-desktop:latest', Labels =>
                           { %$label, 'rd.session' => sprintf '%032x', $n } });
        $codes{$code}++;
    }

    is_deeply(\%codes, { 201 => CONTAINERS }, 'a host has 600 orphans');

    my $lines = () = error_log() =~ /rd sweep: orphan/g;
    redis('CONFIG', 'SET', 'slowlog-log-slower-than', 0);
    redis('CONFIG', 'SET', 'slowlog-max-len', 5000);
    redis('SLOWLOG', 'RESET');
    redis('HSET', "${tag}sweep:localhost", 'next_ms', 1);

    my @judged;
    ok(wait_until(10, sub {
           @judged = grep { $_->[0] >= 10 } judged();
           return grep { $_->[0] == CONTAINERS % PIECE } @judged;
       }), 'a sweep judges them');
    is_deeply([sort { $a <=> $b } map { $_->[0] } @judged],
              [CONTAINERS % PIECE, PIECE, PIECE], 'in three pieces');
    diag('microseconds of Redis: ' . join ', ', map { $_->[1] } @judged);
    redis('CONFIG', 'SET', 'slowlog-log-slower-than', -1);

    ok(wait_until(60, sub { !containers() }), 'all are removed');
    ok(wait_until(10, sub {
           error_log() =~ /in all: orphans removed:(\d+)/;
       }), 'the log has a line for all');

    my @all = error_log() =~ /in all: orphans removed:(\d+)/g;
    my $told = (() = error_log() =~ /rd sweep: orphan/g) - $lines;
    ok($told <= TOLD * (@all + 1), 'and few for single ones')
        or diag("$told lines, @all");

    my @events = grep { $_->{type} eq 'orphan_reaped' }
        map { +{ @{ $_->[1] } } }
        @{ redis('XRANGE', "${tag}events", '-', '+') };
    ok((grep { $_->{message} =~ /^reaped \d+ more orphan containers on / }
        @events), 'an event stands for the rest');
    ok(@events <= (TOLD + 1) * (@all + 1) + 1, 'there are few events')
        or diag(scalar @events);
}

run_tests();

__DATA__

=== TEST 1: one host
--- http_config eval
$RD::Site::Http . "    rd_sweep_interval 500ms;\n"
--- hosts
workspace_hosts:
  - local: true
    docker_socket: $TEST_NGINX_ENGINE
docker_image: rd-test-desktop:latest
--- init
in_use();
many();
