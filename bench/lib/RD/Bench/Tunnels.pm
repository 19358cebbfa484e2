package RD::Bench::Tunnels;

# Open WebSockets: what an idle one weighs, and how soon it is closed when its
# visitor may not have it any more.

use strict;
use warnings;

use IPC::Open2 qw(open2);
use JSON::PP ();
use Time::HiRes qw(time);

use RD::Bench;
use RD::Bench::Gate;
use RD::Bench::Nginx;
use RD::Bench::Process;
use RD::Client;
use RD::Place qw(free_port top wait_until);
use RD::Visitor;

use constant {
    IDLE        => 400,
    IDLE_BEFORE => 20,
    AT_ONCE     => 20,
    USERS       => 100,         # two tunnels each
    CLOSE_S     => 8,           # more than any cache may hold on
    FIRST_USER  => 20_000,
};

my $gate = <<'END';
        location ~ ^/tunnel/([0-9]+)/websockify$ {
            rd_gate $1;
            proxy_pass http://$rd_backend/websockify;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout 1h;
        }
        location /remote-desktop/api/ { rd_api; }
END

my ($port, $count, $crowds);


# the desktops' end, one for all

sub _desktops {
    return $port if $port;

    $port = free_port();
    my $process = RD::Bench::Process->start('desktops', 'taskset', '-c', 1,
        'python3', top() . '/bench/tunnels.py', 'serve', $port);

    wait_until(10, sub {
        return IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
    }) or die 'the desktops did not start: ' . $process->log;

    return $port;
}


# ---- tunnel-idle -----------------------------------------------------------

sub idle {
    my ($zone) = @_;

    my @visitors = log_in_all(FIRST_USER + 1 .. FIRST_USER + IDLE);
    my %at_once = (gate => AT_ONCE, plain => AT_ONCE, crowd => IDLE);
    my %server = map { $_ => $gate } keys %at_once;
    my $backend = '127.0.0.1:' . _desktops();
    my %weight;

    $server{plain} =~ s/rd_gate \$1;//;
    $server{plain} =~ s{\$rd_backend/websockify}{$backend};

    ready(_desktops(), map { $_->{id} } @visitors);

    for my $turn (repetitions()) {
        for my $how (qw(plain gate crowd)) {
            my ($before, $after) = _weigh($zone, $server{$how}, $at_once{$how},
                                          @visitors);

            push @{ $weight{$how} }, ($after - $before) / (IDLE - IDLE_BEFORE);
            raw(sprintf '%d tunnel-idle %-5s private memory of the worker '
                . '%d KB with %d tunnels, %d KB with %d: %.1f KB each', $turn,
                $how, $before, IDLE_BEFORE, $after, IDLE, $weight{$how}[-1]);
        }
    }

    raw('tunnel-idle: ' . AT_ONCE . ' are opened at a time; crowd: a gate and '
        . 'all at once, which leaves holes that the next ones fill');
    figure('tunnel-idle', median(@{ $weight{gate} }), 'KB', '<=', 16);
}


sub _weigh {
    my ($zone, $server, $at_once, @visitors) = @_;

    my $nginx = RD::Bench::Nginx->start(name => 'idle' . ++$count, cpu => 0,
        http => http_of_site(undef, $zone), server => $server);
    my $client = _client($nginx);

    # the first tunnels bring what is there once, for all
    _open($client, @visitors[0 .. IDLE_BEFORE - 1]);
    my $before = $nginx->rss_kb;

    my @others = @visitors[IDLE_BEFORE .. IDLE - 1];
    _open($client, splice @others, 0, $at_once) while @others;
    my $after = $nginx->rss_kb;

    _bye($client);
    $nginx->stop;

    return ($before, $after);
}


# ---- revoke-max ------------------------------------------------------------

my @ways = (
    ['log out', sub {
        my ($nginx, $visitor) = @_;
        redis()->command('DEL', $visitor->{keys}[0]);
    }],
    ['ban', sub {
        my ($nginx, $visitor) = @_;
        redis()->command('HSET', $visitor->{keys}[1], 'banned', 1);
    }],
    ['expire', sub {
        my ($nginx, $visitor) = @_;
        my $id = sprintf '%032x', $visitor->{id};
        my $now = int 1000 * time;
        redis()->command('DEL', tag() . "ready:$visitor->{id}");
        redis()->command('HSET', tag() . "session:$id", 'expires_ms', $now);
        redis()->command('ZADD', tag() . 'expiry', $now, $id);
    }],
    ['stop', sub {
        my ($nginx, $visitor) = @_;
        my $client = RD::Client->connect($nginx->port, 5);
        $client->send(RD::Client::compose('POST /remote-desktop/api/destroy',
            RD::Visitor::headers($visitor, 'POST'), 'close'));
        my $code = $client->response(CLOSE_S, 'POST')->{code};
        die 'destroy said ' . ($code || 'nothing in ' . CLOSE_S . ' s') . "\n"
            if $code ne '200';
    }],
);


sub revoke {
    my ($zone) = @_;

    raw('revoke-max: ' . 2 * USERS . ' tunnels of ' . USERS . ' users; a '
        . 'quarter of them logs out, is banned, runs out of time, stops; from '
        . 'the word to the close frame, ms');

    my @told = map { _revoke($_, 'told', $zone) } repetitions();
    my @asked = map { _revoke($_, 'asking', '') } repetitions();

    raw('revoke-max: told of changes, p50 '
        . worth(percentile(50, map { @$_ } @told)) . ' ms; without a zone, '
        . 'asking, p50 ' . worth(percentile(50, map { @$_ } @asked)) . ' max '
        . worth(percentile(100, map { @$_ } @asked)) . ' ms');
    figure('revoke-max', median(map { percentile(100, @$_) } @told) / 1000,
           's', '<=', 1);
}


# the milliseconds of all tunnels of a turn

sub _revoke {
    my ($turn, $how, $zone) = @_;

    my $share = USERS / @ways;
    my $from = FIRST_USER + 1000 * ++$crowds;
    my @visitors = log_in_all($from + 1 .. $from + USERS);

    ready(_desktops(), map { $_->{id} } @visitors);

    my $nginx = RD::Bench::Nginx->start(name => 'revoke' . ++$count,
        cpu => '0,1', workers => 2, http => http_of_site(undef, $zone),
        server => $gate);
    my $client = _client($nginx);

    _open($client, map { $_, $_ } @visitors);

    my (%begun, @turn, @open);

    for my $n (0 .. $#ways) {
        my ($name, $act) = @{ $ways[$n] };
        my @mine = $n * $share .. ($n + 1) * $share - 1;

        for my $i (@mine) {
            $begun{$_} = time for 2 * $i, 2 * $i + 1;
            $act->($nginx, $visitors[$i]);
        }

        my $ended = _ask($client, { seconds => CLOSE_S,
            watch => [ map { 2 * $_, 2 * $_ + 1 } @mine ] });
        my @ms = map { 1000 * ($ended->{$_}[0] - $begun{$_}) } keys %$ended;

        push @open, (2 * @mine - @ms) . " of $name" if @ms < 2 * @mine;
        push @turn, @ms;

        my %why;
        $why{$_->[1] ? "$_->[1] $_->[2]" : 'no close frame'}++
            for values %$ended;

        raw(sprintf '%d %-6s %-8s %d of %d closed, p50 %s max %s ms; %s', $turn,
            $how, $name, scalar @ms, 2 * @mine,
            (map { @ms ? worth(percentile($_, @ms)) : '-' } 50, 100),
            join ', ', map { "$why{$_} x $_" } sort keys %why);
    }

    _bye($client);
    $nginx->stop;

    die 'after ' . CLOSE_S . ' s tunnels were still open: '
        . join(', ', @open) . "\n" if @open;

    return \@turn;
}


# ---- the visitors' end -----------------------------------------------------

sub _client {
    my ($nginx) = @_;

    my $client = {};

    my $pid = open2($client->{out}, $client->{in}, 'taskset', '-c', 1,
        'python3', top() . '/bench/tunnels.py', 'open', $nginx->port);
    $client->{process} = RD::Bench::Process->adopt($pid);

    return $client;
}


sub _ask {
    my ($client, $ask) = @_;

    my ($in, $out) = @$client{qw(in out)};

    $in->autoflush;
    print $in JSON::PP::encode_json($ask), "\n";

    return JSON::PP::decode_json(scalar(<$out>)
                                 // die "the tunnels' end has ended\n");
}


sub _open {
    my ($client, @visitors) = @_;

    my $said = _ask($client, { open => [
        map { { path => "/tunnel/$_->{id}/websockify",
                cookie => $_->{cookie} } } @visitors ] });

    die "only $said->{open} of " . @visitors . ' tunnels opened: '
        . join(', ', @{ $said->{bad} }) . "\n" if $said->{open} != @visitors;
}


# it goes when its input ends

sub _bye {
    my ($client) = @_;

    close $client->{in};
    $client->{process}->wait_for;
}


1;
