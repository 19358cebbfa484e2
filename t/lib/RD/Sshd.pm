package RD::Sshd;

=head1 NAME

RD::Sshd - an sshd of its own for a test, that looks like a Docker host's

=head1 SYNOPSIS

    use RD::Sshd;

    my $sshd = RD::Sshd->start(host => $host);      # an RD::DockerHost

    $sshd->address;  $sshd->port;  $sshd->user;     # where to connect, as whom
    $sshd->key_file;                                # a key it accepts
    $sshd->key('rsa');                              # ... of another type
    $sshd->known_hosts;                             # a file that knows it
    $sshd->wrong_known_hosts;                       # one with another key
    $sshd->yaml;                # its entry for workspace_hosts of a hosts.yml

    $sshd->log;                 # what it logged so far
    $sshd->stop;                # kills it and every session at once
    $sshd->restart;             # the same port and keys again

    my $agent = RD::Sshd->agent($sshd->key('rsa'), $sshd->key('ecdsa'));
    $ENV{SSH_AUTH_SOCK} = $agent->socket;

Options of start():

    host => $host           its Docker engine, address and network
    socket => $path         or any unix socket as /var/run/docker.sock,
    address => '127.0.0.1'  on this address (the default)
    host_keys => ['ed25519']      also ecdsa, rsa
    config => "MaxSessions 2\n"   lines of sshd_config, before our own

=head1 WHAT IT IS

sshd runs in a mount and pid namespace of its own: root is a user with /bin/sh
and an empty home there, and /var/run/docker.sock leads to the host's engine,
for streamlocal forwards and for `docker system dial-stdio` alike.  Killing it
kills all its sessions.  It needs root, and dies with the test.

=cut

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw(:sys_wait_h);
use RD::DockerHost;
use RD::Place;
use Time::HiRes qw(time);

use constant { START_S => 60 };

my %alive;
my $count = 0;


# ---- public ----------------------------------------------------------------

sub start {
    my ($class, %opt) = @_;

    RD::DockerHost::sweep();

    my $name = "rds-$$-" . ++$count;

    my $self = bless {
        %opt,
        owner   => $$,
        name    => $name,
        dir     => RD::DockerHost::scratch($name),
        address => $opt{host} ? $opt{host}->address
                              : $opt{address} // '127.0.0.1',
        socket  => $opt{host} ? $opt{host}->socket : $opt{socket},
        config  => $opt{config} // '',
        host_keys => $opt{host_keys} // ['ed25519'],
    }, $class;

    $alive{$self->{dir}} = $self;

    $self->_files;

    # the port was free a moment ago; when somebody was faster, another one
    for my $try (1 .. 5) {
        $self->{port} = $self->_free_port;

        last if eval { $self->_run; 1 };

        if ($try == 5 || $self->log !~ /Address already in use/) {
            my $why = $@;
            $self->destroy;
            die $why;
        }
    }

    $self->_known_hosts('known_hosts', $self->{dir} . '/host_');

    return $self;
}


sub address  { $_[0]{address} }
sub port     { $_[0]{port} }
sub user     { 'root' }
sub dir      { $_[0]{dir} }
sub key_file { $_[0]->key('ed25519') }
sub known_hosts { "$_[0]{dir}/known_hosts" }
sub log      { slurp("$_[0]{dir}/sshd.log") }


sub key {
    my ($self, $type) = @_;

    my $path = "$self->{dir}/id_$type";

    if (!-f $path) {
        keygen($type, $path);
        spew("$self->{dir}/authorized_keys",
            slurp("$self->{dir}/authorized_keys") . slurp("$path.pub"), 0644);
    }

    return $path;
}


# the same host, the same types, other keys
sub wrong_known_hosts {
    my ($self) = @_;

    for my $type (@{ $self->{host_keys} }) {
        my $path = "$self->{dir}/wrong_$type";
        keygen($type, $path) if !-f $path;
    }

    return $self->_known_hosts('wrong_known_hosts', "$self->{dir}/wrong_");
}


sub yaml {
    my ($self, %more) = @_;

    my %entry = (
        hostname        => $self->address,
        user            => $self->user,
        port            => $self->port,
        key_file        => $self->key_file,
        known_hosts     => $self->known_hosts,
        publish_address => $self->address,
        %more,
    );

    my @lines = map { "$_: $entry{$_}" } sort keys %entry;

    return '  - ' . join("\n    ", @lines) . "\n";
}


sub stop {
    my ($self) = @_;

    RD::DockerHost::end_process(delete $self->{pid});
}


sub restart {
    my ($self) = @_;

    $self->stop;
    $self->_run;
}


# the farewell: also at the end of the program
sub destroy {
    my ($self) = @_;

    return if !delete $alive{$self->{dir}};

    $self->stop;
    RD::DockerHost::remove_scratch($self->{dir});
}


sub agent {
    my ($class, @keys) = @_;

    my $name = "rds-$$-" . ++$count;

    my $agent = bless {
        owner => $$,
        dir   => RD::DockerHost::scratch($name),
    }, $class;

    $alive{$agent->{dir}} = $agent;

    # ssh-agent is setgid, which clears the signal it would get when its parent
    # dies; the shell above it keeps that signal and takes the agent along
    $agent->{pid} = RD::DockerHost::spawn("$agent->{dir}/agent.log",
        'unshare', '--pid', '--fork', '--kill-child=KILL', '--',
        'sh', '-c', 'ssh-agent -D -a "$1" & wait', 'sh', $agent->socket);

    $agent->_wait('ssh-agent', sub {
        return IO::Socket::UNIX->new(Peer => $agent->socket);
    });

    local $ENV{SSH_AUTH_SOCK} = $agent->socket;
    RD::DockerHost::run('ssh-add', '-q', $_) for @keys;

    return $agent;
}


sub socket { "$_[0]{dir}/agent.sock" }


# ---- private ----------------------------------------------------------------

sub _files {
    my ($self) = @_;

    my $dir = $self->{dir};

    mkdir "$dir/home", 0700;
    keygen($_, "$dir/host_$_") for @{ $self->{host_keys} };
    spew("$dir/authorized_keys", '', 0644);
    $self->key('ed25519');

    # a user as a service account has it: no profile that talks or waits
    my $passwd = slurp('/etc/passwd');
    $passwd =~ s{^root:.*$}{root:x:0:0:root:$dir/home:/bin/sh}m;
    spew("$dir/passwd", $passwd, 0644);

    # '!' would lock the account, whatever its keys
    my $shadow = slurp('/etc/shadow');
    $shadow =~ s{^root:.*$}{root:*:19000:0:99999:7:::}m;
    spew("$dir/shadow", $shadow, 0600);
}


sub _run {
    my ($self) = @_;

    my $dir = $self->{dir};

    spew("$dir/sshd_config", <<"END", 0600);
$self->{config}
Port $self->{port}
ListenAddress $self->{address}
@{[ map { "HostKey $dir/host_$_\n" } @{ $self->{host_keys} } ]}
AuthorizedKeysFile $dir/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PidFile none
LogLevel VERBOSE
END

    my $script = <<'END';
set -e
dir=$1 socket=$2
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
[ -z "$socket" ] || ln -s "$socket" /run/docker.sock
mount --bind "$dir/passwd" /etc/passwd
mount --bind "$dir/shadow" /etc/shadow
exec /usr/sbin/sshd -D -f "$dir/sshd_config" -E "$dir/sshd.log"
END

    my $host = $self->{host};
    my @enter = $host && $host->netns
        ? ('nsenter', '-t', $host->pid, '-n', '--') : ();

    spew("$dir/sshd.log", '', 0600);

    $self->{pid} = RD::DockerHost::spawn("$dir/start.log", @enter,
        'unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', '--',
        'sh', '-c', $script, 'sh', $dir, $self->{socket} // '');

    $self->_wait('sshd', sub {
        return $self->log =~ /Server listening on/ && $self->_banner;
    });
}


sub _wait {
    my ($self, $what, $probe) = @_;

    my $until = time + START_S;

    while (time < $until) {
        return if $probe->();

        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            delete $self->{pid};
            last;
        }

        RD::DockerHost::nap();
    }

    my @logs = map { slurp($_) } glob("$self->{dir}/*.log");
    $self->stop;
    die "$what did not come up; its log:\n@logs";
}


sub _banner {
    my ($self) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => $self->{address},
        PeerPort => $self->{port}, Timeout => 1) or return 0;

    return (<$s> // '') =~ /^SSH-2\.0/;
}


# inside another network namespace nothing else listens
sub _free_port {
    my ($self) = @_;

    if ($self->{host} && $self->{host}->netns) {
        return 2222;
    }

    # none of those that an engine gives to its containers
    return RD::Place::free_port();
}


sub _known_hosts {
    my ($self, $file, $prefix) = @_;

    my $name = $self->{port} == 22
        ? $self->{address} : "[$self->{address}]:$self->{port}";

    my $text = '';

    for my $type (@{ $self->{host_keys} }) {
        my ($kind, $key) = split(' ', slurp("$prefix$type.pub"));
        $text .= "$name $kind $key\n";
    }

    spew("$self->{dir}/$file", $text, 0644);

    return "$self->{dir}/$file";
}


sub keygen {
    my ($type, $path) = @_;

    RD::DockerHost::run('ssh-keygen', '-q', '-t', $type,
        ($type eq 'rsa' ? ('-b', 2048) : ()), '-N', '', '-C', 'test',
        '-f', $path);
}


sub slurp {
    my ($path) = @_;

    open(my $fh, '<', $path) or return '';
    local $/;

    return <$fh> // '';
}


sub spew {
    my ($path, $text, $mode) = @_;

    open(my $fh, '>', $path) or die "$path: $!\n";
    chmod $mode, $path;
    print $fh $text;
    close($fh) or die "$path: $!\n";
}


sub DESTROY {
    my ($self) = @_;

    local ($?, $@, $!);
    $self->destroy if $self->{owner} == $$;
}


END {
    local ($?, $@, $!);
    $_->destroy for grep { $_->{owner} == $$ } values %alive;
}

1;
