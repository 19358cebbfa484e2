package RD::Nginx;

# The nginx under test: its configuration, its life, its log.

use strict;
use warnings;

use POSIX qw(WNOHANG);

use RD::Place qw(build_dir prefix slurp spew wait_until);

our $StopSeconds = 20;          # what is being made is finished first
our $Workers  = 1;
our $LogLevel = $ENV{TEST_NGINX_LOG_LEVEL} || 'debug';
our $UseModule = 1;
our $UseHup = $ENV{TEST_NGINX_USE_HUP};
our $NoRootLocation;
our @Env;

my $use_valgrind = $ENV{TEST_NGINX_USE_VALGRIND};


sub new {
    my ($class, $port) = @_;

    return bless { port => $port, text => '', starts => 0 }, $class;
}


sub binary {
    return $ENV{TEST_NGINX_BINARY} || '/usr/sbin/nginx';
}


# The whole nginx.conf around the sections of a block.

sub conf {
    my ($self, %part) = @_;

    my $dir = prefix();
    my $load = join '', map { "load_module $_;\n" } _modules();
    my $env = join '', map { "env $_;\n" } 'RD_TEST_MARK', _sanitizer_env(),
                                           @Env;
    my $daemon = $use_valgrind ? 'off' : 'on';
    my $root = '';

    if (!$NoRootLocation && $part{config} !~ /location\s+\/\s*\{/) {
        $root = "        location / {\n            root $dir/html;\n"
                . "            index index.html index.htm;\n        }\n";
    }

    my $temp = join '', map {
        $part{http_config} =~ /\b${_}_temp_path\b/ ? ''
            : "    ${_}_temp_path $dir/temp_$_;\n"
    } qw(client_body proxy fastcgi uwsgi scgi);

    return <<"CONF";
${load}user root;
worker_processes $Workers;
daemon $daemon;
pid $dir/logs/nginx.pid;
error_log $dir/logs/error.log $LogLevel;
$env
$part{main_config}

events {
    worker_connections 1024;
    accept_mutex off;
}

http {
    access_log $dir/logs/access.log;
    default_type text/plain;
    keepalive_timeout 68s;
$temp
$part{http_config}

    server {
        listen 127.0.0.1:$self->{port};
        server_name localhost;

$part{config}
$root    }
}
CONF
}


# Makes nginx run with this configuration; started anew or reloaded only when
# it is another one.  Returns the exit code of a start that failed, else 0.

sub run {
    my ($self, $text) = @_;

    if ($self->running) {
        return 0 if $text eq $self->{text};
        return $self->reload($text) if $UseHup;
        $self->stop;
    }

    return $self->start($text);
}


# Starts once; a failure is never tried again.

sub start {
    my ($self, $text) = @_;

    my $dir = prefix();
    my $out = "$dir/logs/stderr.log";

    spew("$dir/conf/nginx.conf", $text);
    $self->{text} = $text;
    $self->{starts}++;

    my @command = (binary(), '-p', "$dir/", '-c', "$dir/conf/nginx.conf",
                   '-e', "$dir/logs/error.log");
    unshift @command, _valgrind() if $use_valgrind;

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $out;
        open STDERR, '>>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }

    return $self->_start_under_valgrind($pid) if $use_valgrind;

    # with "daemon on" the command returns when the sockets listen
    waitpid $pid, 0;
    my $status = $?;
    return $status & 127 ? 128 + ($status & 127) : $status >> 8 if $status;

    wait_until(10, sub { $self->_is_up })
        or die "nginx has no pid file or no worker\n" . $self->log;

    return 0;
}


# SIGHUP, and back when no worker of the old configuration takes requests.

sub reload {
    my ($self, $text) = @_;

    if (defined $text) {
        spew(prefix() . '/conf/nginx.conf', $text);
        $self->{text} = $text;
    }

    my %old = map { $_ => 1 } $self->workers;
    my $mark = $self->log_size;

    kill HUP => $self->pid or die "nginx is gone\n";

    wait_until($StopSeconds, sub {
        return 1 if $self->log($mark) =~ /\[emerg\]/;
        my @now = $self->workers;
        return 0 if !grep { !$old{$_} } @now;
        return !grep { $old{$_} && _title($_) !~ /shutting down/ } @now;
    }) or die "nginx did not reload in time\n" . $self->log($mark);

    return $self->log($mark) =~ /\[emerg\]/ ? 1 : 0;
}


# QUIT; 1 when it was gone in time.  What is not gone is killed.

sub stop {
    my ($self) = @_;

    my $pid = $self->pid or return 1;
    my @all = ($pid, $self->workers);

    kill QUIT => $pid;

    return 1 if wait_until($StopSeconds, sub {
        waitpid $self->{child}, WNOHANG if $self->{child};
        return !grep { alive($_) } @all;
    });

    kill KILL => grep { alive($_) } @all;
    wait_until(5, sub {
        waitpid $self->{child}, WNOHANG if $self->{child};
        return !grep { alive($_) } @all;
    });
    unlink prefix() . '/logs/nginx.pid';

    return 0;
}


sub pid {
    my ($self) = @_;

    my ($pid) = slurp(prefix() . '/logs/nginx.pid') =~ /^(\d+)\n/;
    return defined $pid && alive($pid) ? $pid : undef;
}


sub running { defined $_[0]->pid }


sub workers {
    my ($self) = @_;

    my $pid = $self->pid or return;
    return grep { _title($_) =~ /worker process/ || $use_valgrind }
           split ' ', slurp("/proc/$pid/task/$pid/children");
}


sub log_size { return -s prefix() . '/logs/error.log' || 0 }


sub log {
    my ($self, $from) = @_;

    return slurp(prefix() . '/logs/error.log', $from);
}


# What a sanitizer or valgrind wrote beside error.log.

sub side_logs {
    my $dir = prefix() . '/logs';

    return join '', map { slurp($_) } "$dir/stderr.log", glob "$dir/valgrind.*";
}


sub _is_up {
    my ($self) = @_;

    my @workers = $self->workers;
    return @workers >= $Workers;
}


sub _start_under_valgrind {
    my ($self, $pid) = @_;

    $self->{child} = $pid;
    my $status;

    wait_until(10, sub {
        if (waitpid($pid, WNOHANG) == $pid) {
            $status = $?;
            return 1;
        }
        return $self->_is_up;
    }) or die "nginx did not start under valgrind\n" . $self->log;

    return 0 if !defined $status;
    return ($status >> 8) || 128 + ($status & 127) || 1;
}


sub _valgrind {
    my $dir = prefix() . '/logs';
    my $known = RD::Place::top() . '/tools/valgrind.supp';

    return ('valgrind', '-q', '--leak-check=no', '--num-callers=25',
            "--log-file=$dir/valgrind.%p",
            -f $known ? "--suppressions=$known" : ());
}


sub _modules {
    return split ' ', $ENV{TEST_NGINX_LOAD_MODULES}
        if defined $ENV{TEST_NGINX_LOAD_MODULES};

    return if !$UseModule || $ENV{RD_STATIC_MODULE};

    my $so = build_dir() . '/objs/ngx_rd_module.so';
    die "$so is missing: make build\n" if !-f $so;

    return $so;
}


sub _sanitizer_env {
    return grep { defined $ENV{$_} }
           qw(ASAN_OPTIONS LSAN_OPTIONS);
}


sub alive {
    my ($pid) = @_;

    # a zombie has no command line any more
    return slurp("/proc/$pid/stat") =~ /^\d+ \(.*\) [^ZX] /s ? 1 : 0;
}


sub _title {
    my ($pid) = @_;

    return slurp("/proc/$pid/cmdline");
}


1;
