package RD::Machine;

# Another nginx machine: the configuration of the one under test, in a prefix
# of its own.

use strict;
use warnings;

use File::Path qw(make_path);

use RD::Nginx;
use RD::Place qw(free_port prefix slurp spew wait_until);

my @started;


# Back when its master has all workers; $change may alter the text in $_ first.

sub start {
    my ($class, $change) = @_;

    my $mine = prefix();
    my $dir = "$mine/other" . (@started || '');
    my $self = bless { port => free_port(), dir => $dir }, $class;

    make_path(map { "$dir/$_" } qw(conf logs html));

    local $_ = slurp("$mine/conf/nginx.conf");
    s{\Q$mine\E/(?!conf/hosts|conf/secret|redis|ctfd)}{$dir/}g;
    s/listen 127\.0\.0\.1:\d+/listen 127.0.0.1:$self->{port}/;
    $change->() if $change;

    spew("$dir/conf/nginx.conf", $_);
    push @started, $self;

    system(RD::Nginx::binary(), '-p', "$dir/", '-c', "$dir/conf/nginx.conf",
           '-e', "$dir/logs/error.log") == 0
        or die "the other nginx did not start\n";

    # the command returns before the master has written its file and forked
    wait_until(10, sub { $self->pids > $RD::Nginx::Workers })
        or die "the other nginx has no workers\n";

    return $self;
}


sub port { return $_[0]{port} }


# the master, then its workers; nobody once it is down

sub pids {
    my ($self) = @_;

    my ($master) = slurp("$self->{dir}/logs/nginx.pid") =~ /^(\d+)\n/ or return;
    my @all = ($master, split ' ',
               slurp("/proc/$master/task/$master/children"));

    return grep { RD::Nginx::alive($_) } @all;
}


# as if its power failed

sub crash {
    my ($self) = @_;

    return $self->_down(KILL => 5);
}


sub stop {
    my ($self) = @_;

    return $self->_down(QUIT => $RD::Nginx::StopSeconds);
}


sub _down {
    my ($self, $signal, $seconds) = @_;

    my @all = $self->pids or return 1;

    kill $signal => $signal eq 'QUIT' ? $all[0] : @all;

    my $gone = wait_until($seconds, sub {
        return !grep { RD::Nginx::alive($_) } @all;
    });
    unlink "$self->{dir}/logs/nginx.pid" if $gone;

    return $gone;
}


END {
    my $status = $?;
    $_->stop || $_->crash for @started;
    $? = $status;
}


1;
