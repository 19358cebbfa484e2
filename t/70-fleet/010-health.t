# Which hosts are fit: found out by probes, not by a player's failure.

use RD 'no_plan';
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
allow_log(qr/exited on signal 9/);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);
workers(2);

my ($near) = docker_hosts(1);
my (undef, $far) = docker_hosts(1, netns => 1);
my ($bare) = (docker_hosts(1, image => 0))[2];

sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }

my $tag = 'rd:{' . RD::site() . '}:';

sub host {
    my ($host) = @_;

    my $fields = redis('HGETALL', "${tag}host:" . name($host));
    return { ref $fields ? @$fields : () };
}

sub becomes {
    my ($host, $health, $seconds) = @_;

    my $h;

    wait_until($seconds // 20, sub {
        $h = host($host);
        return ($h->{health} // '') =~ /^$health$/;
    });

    return ($h->{health} // 'unknown') . ($h->{reason} ? " $h->{reason}" : '');
}

# Nobody asks the host again, and no answer that is under way counts.

sub held {
    my ($host) = @_;

    redis('HSET', "${tag}host:" . name($host), 'next_ms', '9' x 13,
          'probe', host($host)->{probe} + 1000);
}

# It is asked at once, and has failed so often; -1000: it will not be down,
# however long we take to look at it.

sub asked {
    my ($host, $fails) = @_;

    redis('HSET', "${tag}host:" . name($host), 'next_ms', 1,
          'fails', $fails);
}

# the events about a host: ("type level reason", ...)
sub told {
    my ($host) = @_;

    return map {
        my %e = @{ $_->[1] };
        my $m = JSON::PP::decode_json($e{metadata});
        ($m->{context_name} // '') eq name($host)
            ? join ' ', grep { defined } @e{qw(type level)}, $m->{reason} : ();
    } @{ redis('XRANGE', "${tag}events", '-', '+') };
}


sub at_the_start {
    is(becomes($near, 'up'), 'up', 'a host that answers is up');
    is(becomes($far, 'up'), 'up', 'so is one in a network of its own');
    is(becomes($bare, 'down'), 'down no_image',
       'one without the image is down, and why');

    my $h = host($near);
    my $info = JSON::PP::decode_json(
        $near->{docker}->docker('info', '--format', '{{json .}}'));

    is($h->{memory_bytes}, $info->{MemTotal},
       'how much memory it has is known');
    is($h->{nano_cpus}, $info->{NCPU} * 1_000_000_000, 'and its processors');
    is(host($bare)->{memory_bytes}, $info->{MemTotal},
       'also of a host without the image');
    is($h->{fails}, 0, 'it has not failed');
    is_deeply([told($near)], ['host_healthy info'], 'an event says it is fit');
    is_deeply([told($bare)], ['host_unhealthy warning no_image'],
       'and one which is not');

    my $name = name($bare);
    ok(wait_until(5, sub {
           error_log() =~ /\[warn\].*\Q$name\E down: .*\(docker_no_image\)/;
       }), 'so does the log');
}


sub one_probe_per_interval {
    my ($began) = @{ redis('TIME') };
    my $first = host($near)->{probe};

    ok(wait_until(20, sub { host($near)->{probe} >= $first + 5 }),
       'the host is asked again and again');

    my ($now) = @{ redis('TIME') };
    ok($now - $began >= 4, 'two workers do not ask more often than one')
        or diag('five probes in ' . ($now - $began) . ' s');

    my %by;
    my $log = error_log();
    $by{$1}++ while $log =~ /(\d+)#\d+: rd health: host \S+ probed, /g;
    my $n = 0;
    $n += $_ for values %by;
    ok($n <= host($near)->{probe} + host($far)->{probe} + host($bare)->{probe},
       'every probe was handed out by Redis');
}


sub image_comes {
    system("@{[RD::Place::top()]}/tools/test-image.sh",
           $bare->{docker}->socket) == 0 or die "no image\n";
    is(becomes($bare, 'up', 30), 'up',
       'when the image is there, so is the host');
    is((told($bare))[-1], 'host_healthy info', 'which is told');

    $bare->{docker}->docker('rmi', '-f', 'rd-test-desktop:latest');
    is(becomes($bare, 'down'), 'down no_image',
       'when it is taken away, the host is down at once');
}


sub engine_hangs {
    held($near);
    $near->{docker}->freeze;
    asked($near, -1000);

    is(becomes($near, 'suspect'), 'suspect daemon',
       'an engine that hangs makes its host suspect');
    is((told($near))[-1], 'host_healthy info', 'which is not yet an event');
    asked($near, 0);
    is(becomes($near, 'down', 30), 'down daemon', 'and then down');
    cmp_ok(host($near)->{fails}, '>=', 3, 'after three failures');
    is((told($near))[-1], 'host_unhealthy warning daemon', 'which is one');
    is(becomes($far, 'up'), 'up', 'the others are not touched by it');

    $near->{docker}->thaw;
    is(becomes($near, 'up', 30), 'up', 'it comes back by itself');
    is(host($near)->{fails}, 0, 'and its failures are forgotten');
}


sub network_is_cut {
    $far->{docker}->cut;

    is(becomes($far, 'down', 40), 'down unreachable', 'a host cut off is down');
    my $pause = host($far)->{pause_ms};
    cmp_ok($pause, '>=', 5000, 'it is asked again after 5 s');
    ok(wait_until(30, sub { host($far)->{pause_ms} > $pause }),
       'then less often');

    $far->{docker}->heal;
    is(becomes($far, 'up', 40), 'up', 'healed, it comes back');
}


sub sshd_is_stopped {
    held($near);
    $near->{sshd}->stop;

    # nor, however long sshd takes to come back
    asked($near, -1000);
    is(becomes($near, 'suspect'), 'suspect unreachable',
       'without sshd the host is suspect');

    $near->{sshd}->restart;
    asked($near, -1000);
    is(becomes($near, 'up', 20), 'up', 'one good answer and it is up');
    ok((grep { $_ eq 'host_unhealthy warning unreachable' } told($near)) == 0,
       'nobody was told of a short absence');
}


sub worker_dies {
    my $first = host($near)->{probe};

    kill KILL => (nginx()->workers)[0];
    ok(wait_until(40, sub { host($near)->{probe} >= $first + 3 }),
       'when a worker dies, the probes go on');
}


sub late_answer {
    my $counts = () = error_log() =~ /this probe does not count/g;

    # somebody else begins a probe while ours is under way
    ok(wait_until(20, sub {
           redis('HINCRBY', "${tag}host:" . name($near), 'probe', 1);
           (() = error_log() =~ /this probe does not count/g) > $counts;
       }), 'an answer after a later probe was begun is not believed');
    is(becomes($near, 'up'), 'up', 'the later ones are');
}

run_tests();

__DATA__

=== TEST 1: hosts are probed at the start and then once per interval
--- http_config eval
$RD::Site::Http . "    rd_probe_interval 1s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
$TEST_NGINX_HOST3
docker_image: rd-test-desktop:latest
--- init
at_the_start();
one_probe_per_interval();
image_comes();
engine_hangs();
network_is_cut();
sshd_is_stopped();
late_answer();
worker_dies();
