package RD::Bench::Process;

# A helper of a benchmark: any program, stopped by its id.

use strict;
use warnings;

use POSIX qw(WNOHANG);

use RD::Bench;
use RD::DockerHost;
use RD::Place qw(prefix slurp wait_until);

use constant STOP_S => 10;


sub start {
    my ($class, $name, @command) = @_;

    my $log = prefix() . "/logs/$name.log";

    return started(bless { log => $log,
                           pid => RD::DockerHost::spawn($log, @command) },
                   $class);
}


# one that somebody else started, by pipes say

sub adopt {
    my ($class, $pid) = @_;

    return started(bless { pid => $pid }, $class);
}


# it ends by itself

sub wait_for {
    my ($self) = @_;

    waitpid delete $self->{pid}, 0;
}


sub pid { $_[0]{pid} }
sub log { slurp($_[0]{log}) }


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill TERM => $pid;
    return if wait_until(STOP_S, sub { waitpid($pid, WNOHANG) != 0 });

    kill KILL => $pid;
    waitpid $pid, 0;
}


1;
