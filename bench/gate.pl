# The gate: what a warm decision costs beside its peers, how soon a tunnel is
# closed that may not be any more, and whether ten thousand sessions cost more.

use strict;
use warnings;

use RD::Bench;
use RD::Bench::Gate;
use RD::Bench::Load;
use RD::Bench::Nginx;
use RD::Bench::Peers;
use RD::Bench::Tunnels;

use constant {
    USERS     => 1000,
    FLAT_FEW  => 10,
    FLAT_MANY => 10_000,

    SLICES       => 2,
    FLAT_SLICES  => 4,
    CLOSE_SLICES => 8,          # where a twentieth matters
};

group_seconds(350);

my $zone = "    rd_zone bench:32m;\n";
my $warm = RD::Bench::Nginx->knows($zone, 'http');

my %why_not = (gate => 'this build has no rd_zone, so no decision is warm');

attempt([qw(gate-warm gate-cpu gate-vs-lua gate-vs-python)], \&decisions);
attempt([qw(revoke-max)], sub { RD::Bench::Tunnels::revoke($zone) });
attempt([qw(tunnel-idle)], sub { RD::Bench::Tunnels::idle($zone) });
attempt([qw(flat-10k)], \&flat);


# Measures; figures that did not come say why.

sub attempt {
    my ($names, $measure) = @_;

    if (!$warm) {
        unmeasured($_, $why_not{gate}) for @$names;
        return;
    }

    local %RD::Bench::said;

    return if eval { $measure->(); 1 };

    my $why = $@;
    die $why if $why =~ /^the time of this group is over/;
    unmeasured($_, $why) for grep { !$RD::Bench::said{$_} } @$names;
}


# ---- decisions -------------------------------------------------------------

sub decisions {
    my @visitors = log_in_all(1 .. USERS);

    ready(backend()->port, map { $_->{id} } @visitors);

    my $file = requests('gate', @visitors);
    my $nginx = RD::Bench::Nginx->start(name => 'warm', cpu => 0,
        http => http_of_site(undef, $zone) . upstream(),
        server => locations('rd_gate $1 http;'));

    my @ours = (['plain', $nginx, '/plain/', $file],
                ['gate warm', $nginx, '/gate/', $file],
                ['bare', $nginx, '/bare/', $file],
                ['said warm', $nginx, '/said/', $file]);
    my @cases = @ours;

    my $no_lua = peer(sub {
        my $lua = RD::Bench::Peers::lua(backend()->port, @visitors);
        push @cases, ['lua', $lua, '/gate/', $file],
                     ['lua bare', $lua, '/bare/', $file],
                     ['lua said', $lua, '/said/', $file];
    });

    my $no_python = peer(sub {
        my ($python, $worker) = RD::Bench::Peers::python(@visitors);
        push @cases, ['python said', $python, '/said/', $file,
                      pids => [$worker], connections => 20];
    });

    raw(USERS . ' visitors in turn, one worker on processor 0; "said" and '
        . '"bare" end in nginx, the others at an upstream with keepalive');

    warm_figures(interleaved(CLOSE_SLICES, @ours));

    raw('beside the peers');
    my $got = interleaved(SLICES, @cases);

    unmeasured('gate-vs-lua', $no_lua) if $no_lua;
    lua_figure($got) if !$no_lua;
    unmeasured('gate-vs-python', $no_python) if $no_python;
    python_figure($got) if !$no_python;
}


# why a peer is not there, or nothing

sub peer {
    my ($start) = @_;

    return eval { $start->(); 1 } ? undef : $@;
}


sub warm_figures {
    my ($got) = @_;

    my @ratio = ratios($got, 'us', 'plain', 'gate warm');
    my @cost = costs($got, 'bare', 'said warm');

    raw("gate-warm by worker time: @{[ map { worth($_) } @ratio ]}; "
        . 'by requests a second: '
        . join ' ', map { worth($_) } ratios($got, 'rps', 'gate warm',
                                             'plain'));
    figure('gate-warm', median(@ratio), 'ratio', '>=', 0.95);

    raw('gate-cpu: said warm - bare: '
        . join(' ', map { worth($_) } @cost) . ' us; gate warm - plain: '
        . join ' ', map { worth($_) } costs($got, 'plain', 'gate warm'));
    figure('gate-cpu', median(@cost), 'us', '<=', 2);
}


# Requests that are decided and then end in nginx, ours beside lua-nginx's; the
# same that pass on to the upstream stand beside it.

sub lua_figure {
    my ($got) = @_;

    my @ratio = ratios($got, 'us', 'lua said', 'said warm');

    raw('gate-vs-lua: a decision alone, us: ours '
        . join(' ', map { worth($_) } costs($got, 'bare', 'said warm'))
        . ', lua '
        . join(' ', map { worth($_) } costs($got, 'lua bare', 'lua said'))
        . '; proxied requests, by worker time: '
        . join ' ', map { worth($_) } ratios($got, 'us', 'lua', 'gate warm'));
    figure('gate-vs-lua', median(@ratio), 'ratio', '>=', 1.3);
}


sub python_figure {
    my ($got) = @_;

    my @ratio = map {
        my $python = $got->{'python said'}[$_];
        ($python->{us} + $python->{extra_us}) / $got->{'said warm'}[$_]{us};
    } 0 .. $#{ $got->{'said warm'} };

    raw('gate-vs-python: processor time of nginx and gunicorn a request '
        . '(Redis not counted) beside ours: '
        . join ' ', map { worth($_) } @ratio);
    figure('gate-vs-python', median(@ratio), 'ratio', '>=', 100);
}


# ---- flat-10k --------------------------------------------------------------

# Two sites with a Redis each.  Both have all workers on processor 0, or two
# would have twice the caches of one.

sub flat {
    my (%case, %pid);

    for my $size (FLAT_FEW, FLAT_MANY) {
        use_redis("redis$size");

        my @visitors = log_in_all(1 .. $size);
        ready(backend()->port, map { $_->{id} } @visitors);

        my $nginx = RD::Bench::Nginx->start(name => "flat$size", cpu => 0,
            workers => $size == FLAT_FEW ? 1 : 2,
            http => http_of_site(undef, $zone) . upstream(),
            server => locations('rd_gate $1 http;')
                . "        location /remote-desktop/api/ { rd_api; }\n");

        my $file = requests("flat$size", @visitors);

        $case{$size} = sub {
            my ($what, $path, @options) = @_;
            return ["$what $size", $nginx, $path, $file, @options];
        };

        $pid{$size} = redis()->pid;
    }

    use_redis('redis');

    raw('flat-10k: ' . FLAT_MANY . ' sessions, 2 workers, beside ' . FLAT_FEW
        . ' sessions, 1 worker; the API with the time Redis took');

    # few and many of a kind run one after the other
    my $got = interleaved(FLAT_SLICES,
        (map { $case{$_}->('plain', '/plain/') } FLAT_FEW, FLAT_MANY),
        (map { $case{$_}->('gate', '/gate/') } FLAT_FEW, FLAT_MANY),
        (map { $case{$_}->('api', '/remote-desktop/api/status?',
                           pids => [$pid{$_}]) } FLAT_FEW, FLAT_MANY));
    my @figure;

    for my $what (qw(plain gate api)) {
        my @ratio = ratios($got, 'all_us', "$what @{[FLAT_MANY]}",
                           "$what @{[FLAT_FEW]}");

        raw("flat-10k $what: @{[ map { worth($_) } @ratio ]}");
        push @figure, median(@ratio) if $what ne 'plain';
    }

    figure('flat-10k', percentile(100, @figure), 'ratio', '<=', '1.10');
}
