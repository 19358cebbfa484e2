package RD::Place;

# Where a test file lives: its folder under build/t, its ports, its mark in
# the environment of everything it starts; and the one way of waiting.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(top build_dir prefix free_port wait_until spew slurp
    slow_factor patience starved socket_path);

# ports of tests stay below the kernel's own range (32768 and up)
use constant { PORT_FIRST => 20000, PORT_LAST => 32000 };

# a busy machine, beside a quiet one
use constant PATIENCE => 3;

# sockaddr_un holds 108 bytes
use constant SOCKET_PATH_BYTES_MAX => 100;

our $Mark = "rd-$$-" . int(time * 1000);

my ($prefix, $socket_dir, %port_lock);


# RD_TEST_MARK travels to every child, so that none can be overlooked

$ENV{RD_TEST_MARK} = $Mark;


sub top {
    return abs_path(dirname(__FILE__) . '/../../..');
}


sub build_dir {
    my $dir = $ENV{RD_BUILD} || top() . '/build';

    make_path($dir);
    return abs_path($dir);
}


sub prefix {
    return $prefix if defined $prefix;

    (my $name = abs_path($0)) =~ s{^\Q@{[top()]}\E/(?:t/)?}{};
    $name =~ s{^build/.*/|\.t$}{}g;
    $name =~ s{[^\w.-]+}{-}g;

    $prefix = build_dir() . "/t/$name.$$";
    remove_tree($prefix);
    make_path("$prefix/conf", "$prefix/logs", "$prefix/html");

    return $prefix;
}


# A unix socket of this file; the path may not be too long for the kernel.

sub socket_path {
    my ($name) = @_;

    my $path = prefix() . "/$name";
    return $path if length $path <= SOCKET_PATH_BYTES_MAX;

    $socket_dir //= do {
        require File::Temp;
        File::Temp::tempdir('rd-t-XXXXXX', TMPDIR => 1);
    };

    return "$socket_dir/$name";
}


# The folder of a file that failed stays, under a name the next run reuses.

sub leave {
    my ($failed) = @_;

    remove_tree($socket_dir) if defined $socket_dir;
    return if !defined $prefix || !-d $prefix;

    (my $kept = $prefix) =~ s{\.\d+$}{.failed};
    remove_tree($kept);

    return remove_tree($prefix) if !$failed;

    rename $prefix, $kept;
    return $kept;
}


# A free TCP port, ours until this process ends.  Files run in parallel, also
# of different clones: an abstract unix socket is the lock, which like the port
# belongs to the network namespace and dies with its process.

sub free_port {
    my $span = PORT_LAST - PORT_FIRST;

    for my $try (0 .. $span) {
        my $port = PORT_FIRST + ($$ * 37 + $try) % $span;
        next if $port_lock{$port};

        my $lock = IO::Socket::UNIX->new(Local => "\0rd-test-port-$port",
            Listen => 1) or next;

        my $probe = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
            LocalPort => $port, Proto => 'tcp', Listen => 1, ReuseAddr => 1);
        next if !$probe;

        close $probe;
        $port_lock{$port} = $lock;
        return $port;
    }

    die 'no free port between ' . PORT_FIRST . ' and ' . PORT_LAST;
}


# Asks again every 10 ms; the last answer, true or not, is returned.  The time
# is what a quiet machine would never need.

sub wait_until {
    my ($seconds, $question) = @_;

    my $deadline = time + patience($seconds);

    while (1) {
        my $answer = $question->();
        return $answer if $answer || time > $deadline;
        select undef, undef, undef, 0.01;
    }
}


# How long to wait for something on a machine that has other work, too: a wait
# costs its whole time only where something is wrong.

sub patience {
    my ($seconds) = @_;

    return $seconds * PATIENCE * slow_factor();
}


# valgrind makes nginx some twenty times slower, the sanitizers three times

sub slow_factor {
    return $ENV{TEST_NGINX_USE_VALGRIND} ? 10 : $ENV{RD_SANITIZED} ? 3 : 1;
}


# For how many seconds these processes, and we, have wanted a processor and had
# none, or anybody has waited for a disk, or the machine itself was stopped:
# what others' work costs is no fault of those.

sub starved {
    my $ns = 0;

    for my $file (map { glob "/proc/$_/task/*/schedstat" } $$, @_) {
        $ns += (split ' ', slurp($file))[1] // 0;
    }

    # in hundredths and in millionths of a second, where the kernel tells
    my ($stolen) = slurp('/proc/stat') =~ /^cpu +(?:\d+ ){7}(\d+)/;
    my ($disk) = slurp('/proc/pressure/io') =~ /^some .*total=(\d+)/;

    return $ns / 1e9 + ($stolen // 0) / 100 + ($disk // 0) / 1e6;
}


sub spew {
    my ($path, $text) = @_;

    make_path(dirname($path));
    open my $file, '>:raw', $path or die "$path: $!";
    print $file $text;
    close $file or die "$path: $!";
}


sub slurp {
    my ($path, $offset) = @_;

    open my $file, '<:raw', $path or return '';
    seek $file, $offset, 0 if $offset;

    local $/;
    return scalar(<$file>) // '';
}


1;
