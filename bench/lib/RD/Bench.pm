package RD::Bench;

# What a figure is: how it is printed, what the middle of some is, and the
# place (folder, Redis servers, processes) in which a group measures.

use strict;
use warnings;

use Exporter qw(import);

use RD::Place qw(build_dir free_port prefix spew top wait_until);

use RD::DockerHost;
use RD::Guard;
use RD::Redis;
use RD::Site;
use RD::Visitor;

our @EXPORT = qw(raw figure unmeasured worth median percentile repetitions
                 group_seconds redis use_redis secret_file http_of_site site
                 tag log_in log_in_all ready started);

use constant {
    REPETITIONS => 3,
    STOPPED     => 130,     # the status of whom a signal ended
};

my (%redis, @stop, $finished);
my $redis = 'redis';

our %said;              # figures that have been printed
my $pid = $$;

$| = 1;

$SIG{$_} = sub { exit STOPPED } for qw(INT TERM HUP);
$SIG{ALRM} = sub { die "the time of this group is over\n" };


# what a group may take at most; it dies of more

sub group_seconds { alarm $_[0] }

sub repetitions { return 1 .. REPETITIONS }

sub site { return $RD::Visitor::Site }
sub tag  { return 'rd:{' . site() . '}:' }


# ---- lines -----------------------------------------------------------------

# what a figure was made from, and what ran beside what

sub raw {
    my ($text) = @_;

    print "  $text\n";
}


# figure('gate-cold', 0.87, 'ratio', '>=', 0.85)

sub figure {
    my ($name, $value, $unit, $op, $goal) = @_;

    $said{$name} = 1;
    printf "bench %s %s %s (goal %s %s)\n", $name, worth($value), $unit, $op,
           $goal;
}


sub unmeasured {
    my ($name, $why) = @_;

    $said{$name} = 1;
    $why =~ s/\s+\z//;
    $why =~ s/\n/; /g;
    print "bench $name not measured: $why\n";
}


# three digits that mean something

sub worth {
    my ($value) = @_;

    my $size = abs $value;
    my $digits = $value == int $value || $size >= 100 ? 0 : $size >= 10 ? 1
               : $size >= 0.1 ? 2 : 4;

    return sprintf "%.${digits}f", $value;
}


sub median { return percentile(50, @_) }

sub percentile {
    my ($percent, @values) = @_;

    return undef if !@values;

    @values = sort { $a <=> $b } @values;

    return ($values[@values / 2] + $values[(@values - 1) / 2]) / 2
        if $percent == 50;

    my $at = int($percent / 100 * @values + 0.999999) - 1;
    return $values[$at < 0 ? 0 : $at];
}


# ---- the place -------------------------------------------------------------

# the Redis that all here speak of, ours and CTFd's

sub redis {
    my $redis = $redis{$redis} //= RD::Redis->new($redis);

    return $redis if $redis->running;

    $redis->start;

    # nginx under test has processor 0 for itself
    system 'sh', '-c', 'taskset -apc 1 ' . $redis->pid . ' > /dev/null';

    return $redis;
}

# from now on another one

sub use_redis { $redis = $_[0] }


sub secret_file {
    my $path = prefix() . '/conf/secret';

    spew($path, $RD::Visitor::Secret) if !-f $path;
    return $path;
}


# something with a stop method; stopped in the end, the last first

sub started {
    my ($what) = @_;

    push @stop, $what;
    return $what;
}


# the directives of a site; the hosts as hosts.yml has them

sub http_of_site {
    my ($hosts, $more) = @_;

    my $file = prefix() . '/conf/hosts.yml';
    my $socket = redis()->socket;

    spew($file, $hosts // "workspace_hosts:\n  - hostname: 192.0.2.1\n");

    return "    rd_site " . site() . ";\n    rd_hosts $file;\n"
         . "    rd_redis unix:$socket;\n    rd_ctfd_redis unix:$socket;\n"
         . '    rd_ctfd_secret_file ' . secret_file() . ";\n"
         . ($more // '');
}


sub log_in {
    my ($id, @words) = @_;

    my $visitor = RD::Visitor::parse(join ' ', "user$id:$id", @words);

    return RD::Visitor::login($visitor, redis(), redis());
}

sub log_in_all { return map { log_in($_) } @_ }


# a ready session for each user, all at the address 127.0.0.1:$port

sub ready {
    my ($port, @ids) = @_;

    my $t = tag();
    my $now = 1000 * time;

    for my $user (@ids) {
        my $lines = RD::Site::ready_session($user, $port, for_gates => 1);
        my $id = sprintf '%032x', $user;

        $lines =~ s/\$TEST_NGINX_SITE/site()/ge;
        redis()->line($_) for split /\n/, $lines;

        redis()->command('ZADD', "${t}live", $now, $id);
        redis()->command('ZADD', "${t}expiry", $now + 3600_000, $id);
        redis()->command('SADD', "${t}slots:h1", $id);
    }
}


sub finish {
    my ($status) = @_;

    return if $finished++ || $$ != $pid;

    alarm 0;
    eval { $_->stop; 1 } or warn $@ for reverse @stop;
    $_->stop for values %redis;

    my @left = RD::Guard::process_complaints([]);
    print "  $_\n" for @left;

    # the folder of a group that failed stays for whoever looks why
    my $failed = $status && $status != STOPPED;
    my $kept = RD::Place::leave($failed);
    print "  the logs are in $kept\n" if $failed;
}


END {
    my $status = $?;
    finish($status);
    $? = $status;
}


1;
