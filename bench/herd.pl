# A herd: 500 users press Start within one second, and two small hosts.  The
# engines only pretend (t/fake/docker.py), everything before them is real.

use strict;
use warnings;

use IPC::Open2 qw(open2);
use IO::Socket::UNIX;
use JSON::PP ();
use Time::HiRes qw(time);

use RD::Bench;
use RD::Bench::Nginx;
use RD::Bench::Process;
use RD::DockerHost;
use RD::Place qw(prefix slurp socket_path top wait_until);
use RD::Sshd;

use constant {
    HERD     => 500,
    ROOM     => 480,        # the rest has to wait for its turn
    OTHERS   => 50,
    SPREAD_S => 1,
    SETTLE_S => 50,         # 500 starts of 0.3 s, 8 at a time: 19 s at least
    IDLE     => 1000,
    IDLE_S   => 8,          # three times, then made a minute
    HOSTS    => 2,
};

my $count = 0;

group_seconds(235);

if (my $why = RD::DockerHost->missing) {
    unmeasured($_, $why) for qw(herd-place herd-p99 herd-lost);
    exit 0;
}

herd();
lives();


# ---- the herd --------------------------------------------------------------

sub herd {
    my @users = log_in_all(1 .. HERD);
    my @others = log_in_all(9001 .. 9000 + OTHERS);

    raw(HERD . ' users press Start within ' . SPREAD_S . ' s; ' . HOSTS
        . ' engines start 4 at a time, 300 ms each, and have room for ' . ROOM
        . '; 2 workers; ' . OTHERS
        . ' other users ask for their status 4 times a second');

    my (@place, @p99, $lost);

    for my $turn (repetitions()) {
        my @hosts = fakes(300, 4);
        my $nginx = api(ROOM / HOSTS, @hosts);

        my @before = cpu_s($nginx);

        my $told = users($nginx, act => 'create', users => \@users,
            others => \@others, spread_s => SPREAD_S, settle_s => SETTLE_S,
            room => ROOM);

        my @got = @{ $told->{users} };
        my @placed = grep { $_->{code} == 200 } @got;
        my %end = count_of(map { $_->{status} // "refused $_->{why}" } @got);
        my %fault = count_of(map { "status said $_" } @{ $told->{faults} });
        my @polls = map { @{ $_->{polls} // [] } } @got;
        my ($first) = sort { $a <=> $b } map { $_->{clicked} } @got;
        my ($last) = sort { $b <=> $a } map { $_->{over} // 0 } @got;

        push @place, percentile(100, map { $_->{place_ms} } @got) / 1000;
        push @p99, percentile(99, @{ $told->{others_ms} });

        my @wrong = check(\@got, \@users, @hosts);
        $lost += @wrong;

        raw(sprintf '%d places: %d of %d, p50 %.0f p99 %.0f max %.0f ms after '
            . 'the click', $turn, scalar @placed, HERD,
            map { percentile($_, map { $_->{place_ms} } @got) } 50, 99, 100);
        raw(sprintf '%d other calls: %d, p50 %.1f p99 %.1f max %.1f ms; '
            . 'creation-status: %d, p99 %.1f ms', $turn,
            scalar @{ $told->{others_ms} },
            (map { percentile($_, @{ $told->{others_ms} }) } 50, 99, 100),
            scalar @polls, percentile(99, @polls, 0));
        my @after = cpu_s($nginx);
        raw(sprintf '%d processor time until then: event loops of both workers '
            . '%.1f s, Redis %.1f s; its longest commands: %s', $turn,
            (map { $after[$_] - $before[$_] } 0, 1), slow_commands());
        raw(sprintf '%d ends after %.1f s: %s; load of the machine %s', $turn,
            $last - $first, words(%end, %fault),
            (split ' ', slurp('/proc/loadavg'))[0]);
        raw("$turn wrong: $_") for @wrong > 8 ? (@wrong[0 .. 7], '...')
                                              : @wrong;

        users($nginx, act => 'destroy', users => \@users, spread_s => 0.5,
              settle_s => 0);
        removed(@hosts);

        $nginx->stop;
        $_->{sshd}->destroy, $_->{engine}->stop for @hosts;
        redis()->command('DEL', keys_of('session:*', 'last:*', 'owner:*',
                                        'slots:*', 'history', 'events'));
    }

    figure('herd-place', median(@place), 's', '<=', 1);
    figure('herd-p99', median(@p99), 'ms', '<=', 100);
    figure('herd-lost', $lost, 'users', '=', 0);
}


# seconds the event loops, and Redis, have run so far

sub cpu_s {
    my ($nginx) = @_;

    my $info = redis()->command('INFO', 'cpu');
    my ($user) = $info =~ /^used_cpu_user:([\d.]+)/m;
    my ($system) = $info =~ /^used_cpu_sys:([\d.]+)/m;

    return ($nginx->cpu_us / 1e6, $user + $system);
}


sub slow_commands {
    my $slow = redis()->command('SLOWLOG', 'GET', 128);
    my %worst;

    for my $one (@$slow) {
        my ($ms, $name) = ($one->[2] / 1000, lc $one->[3][0]);

        $worst{$name} = $ms if $ms > ($worst{$name} // 0);
    }

    redis()->command('SLOWLOG', 'RESET');

    return @$slow . ' over 10 ms'
           . join '', map { sprintf ', %s %.0f ms', $_, $worst{$_} }
                      sort keys %worst;
}


# What is wrong, one sentence each: lost, doubled, stuck.  Redis and both
# engines must tell the same story as the user was told.

sub check {
    my ($told, $users, @hosts) = @_;

    my (@wrong, %session, @positions);
    my $t = tag();
    my $ready = grep { ($_->{status} // '') eq 'ready' } @$told;

    for my $host (@hosts) {
        for my $row (@{ engine_list($host) }) {
            push @{ $session{ $row->{Labels}{'rd.session'} // '?' } }, $row;
        }
    }

    for my $i (0 .. $#$told) {
        my ($one, $user) = ($told->[$i], $users->[$i]{id});
        my $id = redis()->command('GET', "${t}owner:$user") // '';
        my $rows = $id ne '' ? delete $session{$id} // [] : [];
        my $status = $one->{status} // 'nothing';

        push @positions, $one->{position} // 0 if $status eq 'queued';

        push @wrong, $one->{code} != 200
                ? "user $user was refused: $one->{code} " . ($one->{why} // '')
            : $status eq 'failed'
                ? "user $user has failed: " . ($one->{error} // '?')
            : $status eq 'queued' && $ready < ROOM
                ? "user $user waits though there is room"
            : $status !~ /^(?:ready|queued)$/
                ? "user $user is stuck: $status"
            : $status eq 'ready' && @$rows != 1
                ? "user $user is ready with " . @$rows . ' containers'
            : $status eq 'ready' && $rows->[0]{State} ne 'running'
                ? "the container of user $user is $rows->[0]{State}"
            : ();
    }

    push @wrong, map { "a container is nobody's: $_->{Names}[0]" }
                 map { @$_ } values %session;

    @positions = sort { $a <=> $b } @positions;
    push @wrong, "queued at the wrong positions: @positions"
        if "@positions" ne join ' ', 1 .. @positions;

    return @wrong;
}


# ---- what a session costs Redis --------------------------------------------

sub lives {
    my @users = log_in_all(10_001 .. 10_000 + IDLE);
    my @hosts = fakes(5, 16);
    my $nginx = api(IDLE, @hosts);

    wait_until(5, sub { redis()->command('PING') eq 'PONG' });

    my ($memory, $commands) = redis_use();
    my $own = 0;

    users($nginx, act => 'create', users => \@users, spread_s => 10,
          settle_s => 0);

    # a look every now and then, or the looks would be most of the commands
    my $until = time + 60;
    my $ready = 0;

    while ($ready < IDLE && time < $until) {
        select undef, undef, undef, 0.5;
        $ready = redis()->command('ZCARD', tag() . 'expiry');
        $own++;
    }

    my ($memory_live, $commands_ready) = redis_use();
    raw("$ready of " . IDLE . ' sessions became ready');

    if (!$ready) {
        raw('redis per session: not measured, none became ready');
        return;
    }

    my @minute;

    for my $turn (repetitions()) {
        my (undef, $from) = redis_use();
        my $begun = time;
        select undef, undef, undef, IDLE_S;
        my (undef, $to) = redis_use();
        push @minute, 60 * ($to - $from - 1) / (time - $begun);
    }

    my (undef, $commands_end) = redis_use();

    users($nginx, act => 'destroy', users => \@users, spread_s => 5,
          settle_s => 0);
    my $looks = removed(@hosts);

    my ($memory_end, $commands_gone) = redis_use();

    raw(sprintf 'redis: %.1f KB a live session, %.1f KB after its end (last '
        . 'words, history, events)', ($memory_live - $memory) / $ready / 1024,
        ($memory_end - $memory) / $ready / 1024);
    raw(sprintf 'redis: %.0f commands from the click to ready, %.0f from Stop '
        . 'to removed, those inside scripts counted',
        ($commands_ready - $commands - $own) / $ready,
        ($commands_gone - $commands_end - $looks) / $ready);
    raw(sprintf 'redis: %.0f commands an idle minute with %d live sessions '
        . '(%s)', median(@minute), $ready, join ' ', map { int } @minute);
}


sub redis_use {
    my $info = join '', map { redis()->command('INFO', $_) } qw(memory stats);

    return $info =~ /^used_memory:(\d+).*^total_commands_processed:(\d+)/ms;
}


# ---- parts -----------------------------------------------------------------

sub fakes {
    my ($start_ms, $start_max) = @_;

    return map {
        my $name = 'fake' . ++$count;
        my $socket = socket_path("$name.sock");

        my $engine = RD::Bench::Process->start($name, 'python3',
            top() . '/t/fake/docker.py', $socket, '--start-ms', $start_ms,
            '--start-max', $start_max,
            '--record', prefix() . "/logs/$name.requests");

        wait_until(10, sub { -S $socket }) or die "no engine came up\n";

        { engine => $engine, socket => $socket,
          sshd => RD::Sshd->start(socket => $socket,
                                  address => '127.0.0.' . (1 + $_),
                                  config => "MaxStartups 100:30:200\n") }
    } 1 .. HOSTS;
}


sub api {
    my ($max, @hosts) = @_;

    my $yaml = "workspace_hosts:\n"
        . join('', map { $_->{sshd}->yaml(max_sessions => $max) } @hosts)
        . "docker_image: rd-test-desktop:latest\n"
        . "container_defaults:\n  memory_limit: 16m\n  shm_size: 1m\n"
        . "  cpu_limit: 0.01\n";

    return RD::Bench::Nginx->start(name => 'herd' . ++$count, cpu => '0,1',
        workers => 2,
        main => 'thread_pool default threads=16 max_queue=4096;',
        http => http_of_site($yaml, "    rd_jobs_max 4096;\n"),
        server => '        location /remote-desktop/api/ { rd_api; }');
}


sub users {
    my ($nginx, %ask) = @_;

    for my $who (qw(users others)) {
        $ask{$who} = [ map { { cookie => $_->{cookie},
                               nonce => $_->{nonce} } } @{ $ask{$who} // [] } ];
    }

    my $pid = open2(my $out, my $in, 'python3', top() . '/bench/herd.py',
                    $nginx->port);
    my $process = RD::Bench::Process->adopt($pid);

    print $in JSON::PP::encode_json(\%ask), "\n";
    close $in;
    my $line = <$out>;
    $process->wait_for;

    return JSON::PP::decode_json($line // die "the users did not come back\n");
}


# until no session and no container is left; how often Redis was asked

sub removed {
    my (@hosts) = @_;

    my $looks = 0;
    my $until = time + 40;

    while (time < $until) {
        $looks += 2;
        return $looks if !redis()->command('ZCARD', tag() . 'live')
                         && !redis()->command('ZCARD', tag() . 'stopping')
                         && !grep { @{ engine_list($_) } } @hosts;
        select undef, undef, undef, 0.25;
    }

    raw('wrong: after Stop there are still '
        . join ', ', map { @{ engine_list($_) } . ' containers' } @hosts);
    return $looks;
}


sub engine_list {
    my ($host) = @_;

    my $socket = IO::Socket::UNIX->new(Peer => $host->{socket})
        or die "the engine is gone\n";

    print $socket "GET /containers/json?all=1 HTTP/1.1\r\nHost: d\r\n"
        . "Connection: close\r\n\r\n";
    my $text = do { local $/; <$socket> };

    return JSON::PP::decode_json($text =~ s/\A.*?\r\n\r\n//sr);
}


sub keys_of {
    return 'none', map { @{ redis()->command('KEYS', tag() . $_) } } @_;
}


sub count_of { my %n; $n{$_}++ for @_; return %n }

sub words {
    my (%n) = @_;

    return join ', ', map { "$n{$_} $_" } sort keys %n;
}
