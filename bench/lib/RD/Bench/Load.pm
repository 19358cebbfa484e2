package RD::Bench::Load;

# Requests in bulk: wrk on processor 1, the nginx under test on processor 0,
# and what that cost the worker by the kernel's own account.

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(time);

use RD::Bench;
use RD::Place qw(prefix slurp spew top);

our @EXPORT = qw(requests run_load interleaved ratios costs);

# short runs by turns: what others do to the machine meets all cases alike
use constant { CONNECTIONS => 100, SLICE_S => 1 };

# jiffies of /proc/stat
use constant TICK_US => 10_000;


# a file of requests for wrk: one line a visitor, "path cookie"

sub requests {
    my ($name, @visitors) = @_;

    my $file = prefix() . "/conf/$name.requests";

    spew($file, join '', map { "$_->{id}/small session=$_->{cookie}\n" }
                         @visitors);
    return $file;
}


# { rps, p50_ms, p99_ms, us: worker time per request, extra_us: that of pids,
# all_us: both, busy: share of the processor, foreign: cores of processor 0 that
# others had }

sub run_load {
    my ($nginx, $path, $file, %opt) = @_;

    my $connections = $opt{connections} // CONNECTIONS;

    my ($us, $others, $begun) = ($nginx->cpu_us, _busy_us(), time);
    my @extra = map { _process_us($_) } @{ $opt{pids} // [] };

    open my $wrk, '-|', 'taskset', '-c', 1, 'wrk', '-t1', "-c$connections",
        '-d' . SLICE_S . 's', '-s', top() . '/bench/load.lua',
        'http://127.0.0.1:' . $nginx->port, '--', $path, $file
        or die "wrk: $!\n";
    my $out = do { local $/; <$wrk> } // '';
    close $wrk;

    my $wall = 1e6 * (time - $begun);
    my %got = $out =~ /^load (.*)$/m ? split(/[ =]/, $1) : ();

    die "wrk said: $out\n" if !$got{requests};
    die "$path: $got{bad} of $got{requests} requests failed\n" if $got{bad};

    $us = $nginx->cpu_us - $us;
    my $extra = 0;
    $extra += _process_us($_) for @{ $opt{pids} // [] };
    $extra -= $_ for @extra;

    my $foreign = (_busy_us() - $others - $us) / $wall;

    return {
        rps => $got{requests} / $got{seconds}, us => $us / $got{requests},
        busy => $us / $wall, foreign => $foreign < 0 ? 0 : $foreign,
        p50_ms => $got{p50} / 1000, p99_ms => $got{p99} / 1000,
        extra_us => $extra / $got{requests}, requests => $got{requests},
        all_us => ($us + $extra) / $got{requests},
    };
}


# Each repetition gives every case so many slices, by turns; ({ what => [result,
# ...] }).  A case is [name, nginx, path, request file, options of run_load].

sub interleaved {
    my ($slices, @cases) = @_;

    my %result;

    # connections, caches and pages are there before anything counts
    run_load(@$_[1 .. $#$_]) for @cases;

    for my $turn (repetitions()) {
        my %slice;

        for (1 .. $slices) {
            push @{ $slice{ $_->[0] } }, run_load(@$_[1 .. $#$_]) for @cases;
        }

        for my $name (map { $_->[0] } @cases) {
            my $r = _sum(@{ $slice{$name} });

            push @{ $result{$name} }, $r;
            raw(sprintf '%d %-14s %6d requests/s  p50 %.2f p99 %.2f ms  '
                . 'worker %.2f us/request, %2d %% busy, others %.2f core%s',
                $turn, $name, $r->{rps}, $r->{p50_ms}, $r->{p99_ms}, $r->{us},
                100 * $r->{busy}, $r->{foreign},
                $r->{extra_us} ? sprintf '  beside nginx %.0f us/request',
                                         $r->{extra_us} : '');
        }
    }

    return \%result;
}


# Two cases of one call, for each repetition: the ratio, or the difference, of
# slices that ran one after the other; the median of these.  A neighbour who
# takes half the machine for a second spoils one of them.

sub ratios {
    my ($got, $what, $above, $below) = @_;

    return _paired($got, $what, $above, $below, sub { $_[0] / $_[1] });
}

sub costs {
    my ($got, $without, $with) = @_;

    return _paired($got, 'us', $with, $without, sub { $_[0] - $_[1] });
}

sub _paired {
    my ($got, $what, $one, $other, $compare) = @_;

    return map {
        my ($a, $b) = map { $_->{slices} } $got->{$one}[$_], $got->{$other}[$_];
        median(map { $compare->($a->[$_]{$what}, $b->[$_]{$what}) } 0 .. $#$a);
    } 0 .. $#{ $got->{$one} };
}


# slices as one run: costs by request, the rest by time; the worst p99

sub _sum {
    my (@slices) = @_;

    my %sum = (slices => \@slices);

    for my $slice (@slices) {
        my $n = $slice->{requests};

        $sum{requests} += $n;
        $sum{$_} += $n * $slice->{$_} for qw(us extra_us);
        $sum{$_} += $slice->{$_} / @slices for qw(rps busy foreign p50_ms);
        $sum{p99_ms} = percentile(100, $sum{p99_ms} // 0, $slice->{p99_ms});
    }

    $sum{$_} /= $sum{requests} for qw(us extra_us);
    return \%sum;
}


sub _busy_us {
    my ($line) = slurp('/proc/stat') =~ /^cpu0 (.*)$/m;
    my ($user, $nice, $system, $idle, $wait, @irq) = split ' ', $line;

    my $sum = $user + $nice + $system;
    $sum += $_ for grep { defined } @irq[0 .. 2];

    return TICK_US * $sum;
}


# all threads of a process

sub _process_us {
    my ($pid) = @_;

    my $sum = 0;
    $sum += (split ' ', slurp($_))[0] / 1000
        for glob "/proc/$pid/task/*/schedstat";

    return $sum;
}


1;
