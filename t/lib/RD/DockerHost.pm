package RD::DockerHost;

=head1 NAME

RD::DockerHost - a Docker engine of its own for a test, and nothing left of it

=head1 SYNOPSIS

    use RD::DockerHost;

    RD::DockerHost->missing and plan skip_all => RD::DockerHost->missing;

    my $host = RD::DockerHost->start;                   # shares our network
    my $far  = RD::DockerHost->start(netns => 1);       # has its own

    $host->socket;          # unix socket of its Engine API
    $host->address;         # its own IP address: publish ports and sshd here
    $host->docker('ps', '-aq');                         # output, or dies
    $host->containers;      # names of all its containers, running or not
    $host->running('name'); # 1, 0, or undef when there is none
    $host->get(port => 49153, path => '/env');          # body over HTTP, or
                                                        # undef
    $far->cut;              # packets to it vanish
    $far->cut(sshd => 1);   # ... but published ports go on
    $far->heal;

    $host->freeze;          # the engine answers nobody, until ...
    $host->thaw;

    $host->stop;            # also at the end of the program, on die, SIGINT

=head1 WHAT IT IS

Each engine runs as first process of its own pid and mount namespace: killing
that one process takes all containers, shims and mounts with it.  What is left
to remove are cgroups, a bridge (or veth) and the scratch folder under build/.
A host of a test that was killed hard dies with the test, and its rest is
removed by the next start.

A host without netns has a bridge of its own and no iptables; ports are
published by docker-proxy on its own address 127.77.N.1.  One with netns has
its own iptables, its address is 10.202.N.2, and it can be cut off.

start() puts the image rd-test-desktop:latest in (tools/test-image.sh); say
image => 0 for an empty engine.  It returns when the engine answers, or dies.

=cut

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h setsid);
use Time::HiRes qw(time);

use constant {
    START_S    => 90,
    STOP_S     => 45,
    SOCKET_MAX => 107,      # bytes of a unix socket's path, sun_path
};

my $TOP = abs_path(dirname(__FILE__) . '/../../..');
my %alive;                  # scratch folder => host, of this process
my $count = 0;


# ---- public ----------------------------------------------------------------

sub missing {
    return 'needs root' if $> != 0;

    for my $tool (qw(dockerd docker ip unshare nsenter setpriv iptables gcc)) {
        return "needs $tool" if !grep { -x "$_/$tool" }
            split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
    }

    return '';
}


sub start {
    my ($class, %opt) = @_;

    sweep();

    my $self = bless {
        netns => $opt{netns} ? 1 : 0,
        owner => $$,
        name  => "rdt-$$-" . ++$count,
    }, $class;

    $self->{dir} = scratch($self->{name});
    $alive{$self->{dir}} = $self;

    $self->_link;

    eval {
        $self->_run;
        $self->_wait('the Docker engine', START_S, sub {
            return ($self->_api('/_ping') // '') =~ /OK/;
        });

        if ($opt{image} // 1) {
            system("$TOP/tools/test-image.sh", $self->socket) == 0
                or die "the test image could not be imported\n";
        }
        1;
    } or do {
        my $why = $@;
        $self->stop;
        die $why;
    };

    return $self;
}


sub socket  { "$_[0]{dir}/docker.sock" }
sub address { $_[0]{address} }
sub dir     { $_[0]{dir} }

# the engine's process, as seen from here: nsenter -t takes it
sub pid     { $_[0]{inner} }
sub netns   { $_[0]{netns} }


sub docker {
    my ($self, @args) = @_;

    open(my $fh, '-|', 'docker', '-H', 'unix://' . $self->socket, @args)
        or die "docker: $!\n";
    my $out = do { local $/; <$fh> } // '';
    close($fh) or die "docker @args: failed\n";

    return $out;
}


sub containers {
    my ($self) = @_;

    # an array: sort alone is nothing in scalar context
    my @names = sort split(/\n/,
        $self->docker('ps', '-a', '--format', '{{.Names}}'));

    return @names;
}


sub running {
    my ($self, $name) = @_;

    my %state = map { split(/ /, $_, 2) } split(/\n/,
        $self->docker('ps', '-a', '--format', '{{.Names}} {{.State}}'));

    return undef if !exists $state{$name};
    return $state{$name} eq 'running' ? 1 : 0;
}


sub get {
    my ($self, %opt) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => $opt{address} // $self->address,
        PeerPort => $opt{port}, Timeout => 3) or return undef;

    print $s "GET $opt{path} HTTP/1.1\r\nHost: test\r\n",
        "Connection: close\r\n\r\n";

    return answer_of($s);
}


sub cut {
    my ($self, %opt) = @_;

    die "only a host with netns can be cut off\n" if !$self->{netns};
    die "it is cut off already\n" if $self->{cut};

    # INPUT is sshd alone: published ports are forwarded
    $self->{cut} = $opt{sshd} ? [ qw(INPUT -i eth0 -j DROP) ]
                              : [ qw(PREROUTING -i eth0 -j DROP) ];
    $self->_iptables($opt{sshd} ? 'filter' : 'raw', '-I', @{ $self->{cut} });
}


sub heal {
    my ($self) = @_;

    my $rule = delete $self->{cut} or return;

    $self->_iptables($rule->[0] eq 'INPUT' ? 'filter' : 'raw', '-D', @$rule);
}


# a signal is only on its way when kill returns
sub freeze {
    my ($self) = @_;

    kill 'STOP', $self->{inner} or die "no engine to freeze: $!\n";

    $self->_wait('its standstill', STOP_S, sub {
        for my $path (glob("/proc/$self->{inner}/task/*/stat")) {
            open(my $fh, '<', $path) or next;
            return 0 if (<$fh> // '') !~ /\) T /;
        }
        return 1;
    });
}


sub thaw {
    my ($self) = @_;

    kill 'CONT', $self->{inner} or die "no engine to thaw: $!\n";
}


sub stop {
    my ($self) = @_;

    return if !delete $alive{$self->{dir}};

    end_process($self->{pid});
    delete $self->{pid};

    remove_cgroups($self->{name});
    quiet('ip', 'link', 'del', $self->{link});
    remove_scratch($self->{dir});
}


# ---- shared with RD::Sshd ---------------------------------------------------

# a folder of our own whose path is short enough for unix sockets in it
sub scratch {
    my ($name) = @_;

    my $dir = "$TOP/build/hosts/$name";
    my $tries = 0;

    if (length("$dir/docker.sock") > SOCKET_MAX) {
        $dir = "/tmp/$name";
    }

    # the folder above may go in between: who leaves last removes it
    do {
        make_path($dir, { mode => 0755, error => \my $errors });
    } until -d $dir || ++$tries > 100;

    return $dir;
}


# where they may be, for a glob
sub scratch_folders {
    return "$TOP/build/hosts,/tmp";
}


sub remove_scratch {
    my ($dir) = @_;

    remove_tree($dir, { error => \my $errors });
    rmdir "$TOP/build/hosts";
}


# a process in its own session that cannot outlive this one
sub spawn {
    my ($log, @command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        setsid();
        open(STDIN, '<', '/dev/null');
        open(STDOUT, '>>', $log);
        open(STDERR, '>>', $log);

        exec('setpriv', '--pdeathsig', 'KILL', '--', @command) or do {
            print STDERR "exec $command[0]: $!\n";
            POSIX::_exit(127);
        };
    }

    return $pid;
}


# unshare's one child: the first process of the new pid namespace
sub child_of {
    my ($pid) = @_;

    open(my $fh, '<', "/proc/$pid/task/$pid/children") or return;

    return (split(' ', <$fh> // ''))[0];
}


# The first process of a pid namespace is dead only when all others in it are,
# and unshare ends when it has reaped that process.  Killing unshare first would
# leave the reaping to process 1, which may take its time.
sub end_process {
    my ($pid) = @_;

    return if !$pid;

    my $inner = child_of($pid);
    my $until = time + STOP_S;

    kill 'KILL', $inner // $pid;

    while (waitpid($pid, WNOHANG) == 0) {
        kill 'KILL', $pid if time > $until;
        nap();
    }
}


sub nap {
    select(undef, undef, undef, 0.02);
}


# ---- private ----------------------------------------------------------------

# The kernel refuses a second link of the same name: that is the lock by which
# test files that run at once take different networks.

sub _link {
    my ($self) = @_;

    for my $n (2 .. 250) {
        my $link = $self->{netns} ? "rdtv$n" : "rdtb$n";

        my @kind = $self->{netns}
            ? ('type', 'veth', 'peer', 'name', "rdtp$n")
            : ('type', 'bridge');

        next if quiet('ip', 'link', 'add', $link, @kind);

        $self->{n} = $n;
        $self->{link} = $link;
        $self->{address} = $self->{netns} ? "10.202.$n.2" : "127.77.$n.1";

        run('ip', 'link', 'set', 'dev', $link, 'alias', "rdt $$");
        run('ip', 'addr', 'add',
            $self->{netns} ? "10.202.$n.1/24" : "10.201.$n.1/24",
            'dev', $link);
        run('ip', 'link', 'set', $link, 'up');

        return;
    }

    die "no network is free for a Docker host\n";
}


sub _run {
    my ($self) = @_;

    my @net = $self->{netns}
        ? ('--bip', "10.203.$self->{n}.1/24")
        : ('--bridge', $self->{link}, '--iptables=false', '--ip6tables=false',
           '--ip-masq=false');

    # /run is private: the fixed paths of containerd, shims and network
    # namespaces cannot meet those of another engine
    my $script = 'mount -t tmpfs tmpfs /run && ip link set lo up && '
        . 'exec "$@"';

    $self->{pid} = spawn("$self->{dir}/dockerd.log",
        'unshare', ($self->{netns} ? '--net' : ()), '--mount', '--pid',
        '--fork', '--mount-proc', '--kill-child=KILL', '--',
        'sh', '-c', $script, 'sh',
        'dockerd', '--data-root', "$self->{dir}/root",
        '--exec-root', '/run/docker', '-p', '/run/docker.pid',
        '-H', 'unix://' . $self->socket,
        '--cgroup-parent', "/$self->{name}",
        '--exec-opt', 'native.cgroupdriver=cgroupfs', @net);

    $self->_wait('a process', START_S, sub {
        return $self->{inner} = child_of($self->{pid});
    });

    return if !$self->{netns};

    $self->_wait('its network namespace', START_S, sub {
        my $theirs = readlink("/proc/$self->{inner}/ns/net") // return 0;
        return $theirs ne readlink('/proc/self/ns/net');
    });

    my $in = $self->{inner};
    my @in = ('nsenter', '-t', $in, '-n', 'ip');

    run('ip', 'link', 'set', "rdtp$self->{n}", 'netns', $in);
    run(@in, 'link', 'set', "rdtp$self->{n}", 'name', 'eth0');
    run(@in, 'addr', 'add', "$self->{address}/24", 'dev', 'eth0');
    run(@in, 'link', 'set', 'eth0', 'up');
    run(@in, 'route', 'add', 'default', 'via', "10.202.$self->{n}.1");
}


sub _wait {
    my ($self, $what, $seconds, $probe) = @_;

    my $until = time + $seconds;

    while (time < $until) {
        return if $probe->();

        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            delete $self->{pid};
            last;
        }

        nap();
    }

    die "$what did not come up; the end of its log:\n"
        . tail("$self->{dir}/dockerd.log");
}


sub _api {
    my ($self, $path) = @_;

    my $s = IO::Socket::UNIX->new(Peer => $self->socket) or return undef;

    print $s "GET $path HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";

    return answer_of($s);
}


sub _iptables {
    my ($self, $table, @args) = @_;

    run('nsenter', '-t', $self->{inner}, '-n', 'iptables', '-w', '-t', $table,
        @args);
}


# the body of an answer; undef when there is none
sub answer_of {
    my ($s) = @_;

    my $bits = '';
    vec($bits, fileno($s), 1) = 1;

    my $text = '';
    my $until = time + 5;

    while (time < $until) {
        next if !select(my $ready = $bits, undef, undef, 0.5);
        my $n = sysread($s, $text, 65536, length $text);
        last if !$n;
    }

    return $text =~ /\r\n\r\n(.*)/s ? $1 : undef;
}


sub run {
    my (@command) = @_;

    quiet(@command) == 0 or die "failed: @command\n";
}


sub quiet {
    my (@command) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open(STDOUT, '>', '/dev/null');
        open(STDERR, '>', '/dev/null');
        exec(@command) or POSIX::_exit(127);
    }

    waitpid($pid, 0);

    return $?;
}


sub tail {
    my ($path) = @_;

    open(my $fh, '<', $path) or return '';
    my @lines = <$fh>;
    splice(@lines, 0, -20) if @lines > 20;

    return join('', @lines);
}


# empty when the last process of a container is reaped, which takes a moment
sub remove_cgroups {
    my ($name) = @_;

    my $until = time + STOP_S;

    for ( ;; ) {
        my @dirs = map { cgroups_below($_) } grep { -d $_ }
            glob("/sys/fs/cgroup/$name /sys/fs/cgroup/*/$name");

        rmdir $_ for @dirs;

        last if !grep { -d $_ } @dirs;
        last if time > $until;
        nap();
    }
}


# the deepest first
sub cgroups_below {
    my ($dir) = @_;

    opendir(my $dh, $dir) or return ();
    my @below = grep { !/^\.\.?$/ && -d "$dir/$_" } readdir($dh);

    return ((map { cgroups_below("$dir/$_") } @below), $dir);
}


# what a test left behind that was killed hard
sub sweep {
    my $dead = sub {
        my ($pid) = @_;
        return $pid != $$ && !-d "/proc/$pid";
    };

    for my $path (glob("/sys/class/net/rdt*/ifalias")) {
        open(my $fh, '<', $path) or next;
        my ($pid) = (<$fh> // '') =~ /^rdt (\d+)/ or next;
        my ($link) = $path =~ m{net/([^/]+)/};
        quiet('ip', 'link', 'del', $link) if $dead->($pid);
    }

    for my $dir (glob("/sys/fs/cgroup/rdt-* /sys/fs/cgroup/*/rdt-*")) {
        my ($name, $pid) = $dir =~ m{/(rdt-(\d+)-\d+)$} or next;
        remove_cgroups($name) if $dead->($pid);
    }

    for my $dir (glob("$TOP/build/hosts/* /tmp/rdt-* /tmp/rds-*")) {
        my ($pid) = $dir =~ m{/rd[st]-(\d+)-\d+$} or next;
        remove_scratch($dir) if $dead->($pid);
    }
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $@, $!);
    $self->stop if $self->{owner} == $$;
}


END {
    local ($?, $@, $!);
    $_->stop for grep { $_->{owner} == $$ } values %alive;
}


for my $name (qw(INT TERM HUP)) {
    next if $SIG{$name} && $SIG{$name} ne 'DEFAULT';

    # exit runs the END blocks, a signal's default action does not
    $SIG{$name} = sub { exit 130 };
}

1;
