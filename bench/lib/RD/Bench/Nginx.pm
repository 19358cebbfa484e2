package RD::Bench::Nginx;

# An nginx that is measured: pinned to processors, quiet, several in one place.

use strict;
use warnings;

use IO::Socket::INET;

use RD::Bench;
use RD::DockerHost;
use RD::Place qw(build_dir free_port prefix slurp spew top wait_until);

use constant STOP_S => 10;


# name, cpu ("0", "0,1"), workers, main, http, server: parts of nginx.conf;
# module 0: without ours; load: other modules; under: a command that runs
# nginx, which then is one process, its own worker.  Dies with nginx's own words
# when it does not start.

sub start {
    my ($class, %opt) = @_;

    my $self = bless {
        port => free_port(), workers => 1, module => 1, cpu => 0, main => '',
        http => '', %opt,
    }, $class;

    $self->{conf} = prefix() . "/conf/$self->{name}.conf";
    $self->{log} = prefix() . "/logs/$self->{name}.log";
    spew($self->{conf}, $self->_text);

    $self->{pid} = RD::DockerHost::spawn(
        prefix() . "/logs/$self->{name}.out",
        'taskset', '-c', $self->{cpu}, @{ $self->{under} // [] },
        '/usr/sbin/nginx', '-p', prefix() . '/', '-c', $self->{conf},
        '-e', $self->{log});

    wait_until(10, sub {
        return !$self->_alive || $self->workers == $self->{workers};
    });

    # one that is slow to start has no worker to wait for
    wait_until(30, sub {
        return !$self->_alive || IO::Socket::INET->new(
            PeerAddr => "127.0.0.1:$self->{port}");
    }) if $self->{under};

    if (!$self->_alive || $self->workers != $self->{workers}) {
        $self->stop;
        die "nginx $self->{name} did not start: " . $self->complaint . "\n";
    }

    return started($self);
}


# whether this build knows a directive; context: where it stands

sub knows {
    my ($class, $line, $place) = @_;

    my $conf = prefix() . '/conf/knows.conf';
    my $self = bless { port => free_port(), workers => 1, module => 1,
                       main => '', http => '', server => '', name => 'knows',
                       $place => "$line\n" }, $class;

    spew($conf, $self->_text);

    my $out = qx(/usr/sbin/nginx -t -p @{[prefix()]}/ -c $conf 2>&1);

    return $out !~ /unknown directive/;
}


sub port { $_[0]{port} }
sub pid  { $_[0]{pid} }

sub workers {
    my ($self) = @_;

    my @itself = ($self->{pid});
    return @itself if $self->{under};

    return grep { slurp("/proc/$_/cmdline") =~ /^nginx: worker process/ }
           split ' ', slurp("/proc/$self->{pid}/task/$self->{pid}/children");
}


# microseconds its workers' event loops have run so far

sub cpu_us {
    my ($self) = @_;

    my $sum = 0;
    $sum += (split ' ', slurp("/proc/$_/schedstat"))[0] / 1000
        for $self->workers;

    return $sum;
}


# memory of its workers alone: the zone is there for all

sub rss_kb {
    my ($self) = @_;

    my $sum = 0;

    for my $pid ($self->workers) {
        $sum += $1 if slurp("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;
    }

    return $sum;
}


sub complaint {
    my ($self) = @_;

    my @lines = grep { /\[(?:emerg|alert|crit)\]/ }
                split /\n/, slurp($self->{log});

    return $lines[-1] // slurp(prefix() . "/logs/$self->{name}.out");
}


sub stop {
    my ($self) = @_;

    return if !$self->{pid} || $self->{stopped}++;

    my @all = $self->_alive ? $self->workers : ();

    # tunnels would keep QUIT waiting
    kill TERM => $self->{pid};

    wait_until(STOP_S, sub {
        return !$self->_alive && !grep { -d "/proc/$_" } @all;
    }) or kill KILL => grep { -d "/proc/$_" } @all,
                       $self->_alive ? $self->{pid} : ();
}


sub _alive {
    my ($self) = @_;

    return 0 if defined $self->{status};

    if (waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid}) {
        $self->{status} = $?;
        return 0;
    }

    return 1;
}


sub _text {
    my ($self) = @_;

    my $dir = prefix();
    my $one = $self->{under} ? "master_process off;\n" : '';
    my $so = join '', map { "load_module $_;\n" } @{ $self->{load} // [] },
        $self->{module} ? build_dir() . '/objs/ngx_rd_module.so' : ();
    my $temp = join '', map { "    ${_}_temp_path $dir/temp_$self->{name};\n" }
               qw(client_body proxy fastcgi uwsgi scgi);

    return <<"END";
${so}user root;
daemon off;
${one}worker_processes $self->{workers};
worker_rlimit_nofile 20000;
pid $dir/logs/$self->{name}.pid;
error_log $dir/logs/$self->{name}.log warn;
env RD_TEST_MARK;
$self->{main}

events {
    worker_connections 8192;
    accept_mutex off;
}

http {
    access_log off;
    default_type text/plain;
    keepalive_timeout 68s;
    keepalive_requests 100000000;
$temp
$self->{http}

    server {
        listen 127.0.0.1:$self->{port} backlog=1024;
        server_name localhost;

$self->{server}
    }
}
END
}


1;
