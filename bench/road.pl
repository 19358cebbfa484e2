# The road: what the gate costs when it asks Redis each time, and how much
# longer a click takes than the container itself.

use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw(time);

use RD::Bench;
use RD::Bench::Gate;
use RD::Bench::Load;
use RD::Bench::Nginx;
use RD::Client;
use RD::DockerHost;
use RD::Place qw(prefix spew wait_until);
use RD::Sshd;

use constant {
    USERS => 1000, SLICES => 6,
    CLICKS => 8, USER_OF_CLICKS => 5000,
};

group_seconds(220);

gate_cold();
click_ready();


# ---- gate-cold -------------------------------------------------------------

# One visitor who may see every desktop goes from one to the next: he is known,
# and the zone is too small for the desktops, so each decision is one read.
# Beside it a gate without a zone, which knows nobody, either.

sub gate_cold {
    my @visitors = log_in_all(1 .. USERS);
    my $admin = log_in(USERS + 1, 'admin');

    ready(1, map { $_->{id} } @visitors);

    my ($known, $unknown) = map {
        RD::Bench::Nginx->start(name => $_->[0], cpu => 0,
            http => http_of_site(undef, $_->[1]) . upstream(),
            server => locations('rd_gate $1 http;'))
    } ['known', "    rd_zone bench:64k;\n"], ['unknown', ''];

    my $file = requests('cold', @visitors);
    my $wall = requests('wall', map { { %$_, cookie => $admin->{cookie} } }
                                @visitors);

    for my $case (['known', $known, $wall], ['unknown', $unknown, $file]) {
        my ($name, $nginx, $requests) = @$case;

        run_load($nginx, '/gate/', $requests);
        my $lookups = lookups();
        my $one = run_load($nginx, '/gate/', $requests);

        raw(sprintf 'gate-cold: visitor %s, %.2f desktops read for a '
            . 'decision, ' . USERS . ' in turn', $name,
            (lookups() - $lookups) / $one->{requests});
    }

    my $got = interleaved(SLICES, ['plain', $known, '/plain/', $wall],
                          ['gate cold', $known, '/gate/', $wall],
                          ['nothing known', $unknown, '/gate/', $file]);

    my @ratios = ratios($got, 'us', 'plain', 'gate cold');

    raw('nothing known, by worker time: '
        . join ' ', map { worth($_) } ratios($got, 'us', 'plain',
                                             'nothing known'));
    raw("gate-cold by worker time: @{[ map { worth($_) } @ratios ]}; "
        . 'by requests a second: '
        . join ' ', map { worth($_) } ratios($got, 'rps', 'gate cold',
                                             'plain'));
    figure('gate-cold', median(@ratios), 'ratio', '>=', 0.85);
    $_->stop for $known, $unknown;
}


# how many desktops Redis has read, for one call may ask for several

sub lookups {
    return redis()->command('INFO', 'commandstats')
           =~ /^cmdstat_hget:calls=(\d+)/m ? $1 : 0;
}


# ---- click-ready -----------------------------------------------------------

sub click_ready {
    if (my $why = RD::DockerHost->missing) {
        return unmeasured('click-ready', $why);
    }

    redis()->command('FLUSHALL');

    my $docker = started(RD::DockerHost->start);
    my $sshd = started(RD::Sshd->start(host => $docker));

    my $hosts = "workspace_hosts:\n" . $sshd->yaml . <<'END';
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  shm_size: 64m
  cpu_limit: 1
END

    my $nginx = RD::Bench::Nginx->start(name => 'click', cpu => '0,1',
        main => 'thread_pool default threads=4;',
        http => http_of_site($hosts),
        server => '        location /remote-desktop/api/ { rd_api; }');

    raw('click-ready: POST create until creation-status says ready, beside '
        . '"docker run" until the greeting came; one at a time, in turn; ms');

    # both ways have made one before anything counts
    click($nginx, USER_OF_CLICKS);
    bare($docker, 0);

    my (@ratio, @clicks, @bares);

    for my $turn (repetitions()) {
        my (@click, @bare);

        for my $n (1 .. CLICKS) {
            push @click, click($nginx, USER_OF_CLICKS + $turn * 100 + $n);
            push @bare, bare($docker, "$turn-$n");
        }

        raw("$turn click " . join ' ', map { sprintf '%.0f', $_ } @click);
        raw("$turn bare  " . join ' ', map { sprintf '%.0f', $_ } @bare);

        push @ratio, median(@click) / median(@bare);
        push @clicks, @click;
        push @bares, @bare;
    }

    raw(sprintf 'click-ready medians: click %.0f ms, bare %.0f ms, ratios %s',
        median(@clicks), median(@bares), join ' ', map { worth($_) } @ratio);
    figure('click-ready', median(@ratio), 'ratio', '<=', '1.10');

    $nginx->stop;
}


sub click {
    my ($nginx, $user) = @_;

    my $visitor = log_in($user);
    my $begun = time;

    my $answer = call($nginx, $visitor, 'POST', 'create');
    die "create said $answer->{code}: $answer->{body}\n"
        if $answer->{code} ne '200';

    my $status = '';

    wait_until(30, sub {
        my $said = call($nginx, $visitor, 'GET', 'creation-status');
        $status = JSON::PP::decode_json($said->{body})->{status} // '';
        return $status =~ /^(?:ready|failed)$/;
    });

    my $took = 1000 * (time - $begun);
    die "the desktop of a click is $status\n" if $status ne 'ready';

    call($nginx, $visitor, 'POST', 'destroy');
    wait_until(30, sub {
        return !redis()->command('ZCARD', tag() . 'stopping')
               && !redis()->command('ZCARD', tag() . 'live');
    }) or die "a desktop was not removed\n";

    return $took;
}


sub call {
    my ($nginx, $visitor, $method, $path) = @_;

    my $client = RD::Client->connect($nginx->port, 5);
    $client->send(RD::Client::compose(
        "$method /remote-desktop/api/$path",
        RD::Visitor::headers($visitor, $method), 'close'));

    return $client->response(10, $method);
}


sub bare {
    my ($docker, $n) = @_;

    my $name = "rd-bench-$n";
    my $begun = time;

    # what the API asks for, in the words of the command line
    $docker->docker('run', '-d', '--name', $name, '--init',
        '--memory', '256m', '--memory-swap', '256m', '--shm-size', '64m',
        '--cpus', '1', '--pids-limit', '4096', '--cap-drop', 'ALL',
        '-e', 'VNC_PASSWORD=xxxxxxxx', '-e', 'RESOLUTION=1920x1080',
        '-p', $docker->address . '::6080', '-p', $docker->address . '::5900',
        'rd-test-desktop:latest');

    my ($port) = $docker->docker('port', $name, '6080/tcp') =~ /:(\d+)$/m;

    wait_until(30, sub { greets($docker->address, $port) })
        or die "a bare container did not answer\n";

    my $took = 1000 * (time - $begun);
    $docker->docker('rm', '-fv', $name);

    return $took;
}


sub greets {
    my ($address, $port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => $address,
        PeerPort => $port, Timeout => 3) or return 0;
    my $client = bless { socket => $socket, in => '', eof => 0 }, 'RD::Client';

    $client->send(RD::Client::compose('GET /websockify',
        $client->websocket_headers("Host: $address:$port"), 'close'));

    return 0 if $client->response(3, 'GET')->{code} ne '101';
    return $client->websocket_receive(3) =~ /RFB 003\.008/ ? 1 : 0;
}
