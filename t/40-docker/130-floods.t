# A host that sends without pause costs neither memory nor a thread: what
# libssh2 reads in one call is bounded by bytes and by the deadline.

use strict;
use warnings;

use Test::More;

use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use RD::DockerHost;
use RD::Driver;
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

use constant {
    MS       => 1500,
    SLACK_MS => 3000,           # of a busy machine
    GROWN_KB => 40 * 1024,      # a sanitizer's shadow included
};

my $banner = "SSH-2.0-OpenSSH_9.2\r\n";

# a plaintext packet of 30,000 bytes: SSH_MSG_UNIMPLEMENTED is 3, 90 is queued
my $packet = pack('N C C', 30_000 - 4, 4, 90) . "\0" x (30_000 - 6);

my @cases = (
    ['packets without pause before the login', $banner, $packet x 8,
     qr/^ssh_answer$/, qr/sent \d+ bytes that no SSH server sends/],
    ['lines without pause and without a banner', '', "hello\r\n" x 2000,
     qr/^ssh_(?:answer|timeout)$/, qr/beginning "hello"|still sending/],
    ['one line without an end', '', 'x' x 8000, qr/^ssh_(?:answer|connect)$/],
);

for my $case (@cases) {
    my ($name, $first, $then, $code, $detail) = @$case;

    my ($port, $pid) = sender($first, $then);
    my $driver = driver($port);
    my $before = memory($driver);
    my $a = $driver->ask('check', 'image', MS);

    like($a->{code}, $code, "$name: the probe fails") or diag($a->{detail});
    like($a->{detail}, $detail, '... the detail says why') if $detail;
    cmp_ok($a->{ms}, '<', MS + SLACK_MS, '... in time');
    cmp_ok(memory($driver) - $before, '<', GROWN_KB, '... memory is bounded');

    ok($driver->stop, '... no report of a sanitizer');
    end($pid);
}

# slow enough for libssh2 to return in between, endless all the same

{
    my ($port, $pid) = sender('', "hello\r\n", 1);
    my $driver = driver($port);
    my $a = $driver->ask('check', 'image', MS);

    is($a->{code}, 'ssh_timeout', 'a line now and then: the deadline holds');
    cmp_ok($a->{ms}, '<', MS + SLACK_MS, '... in time');
    ok($driver->stop, '... no report of a sanitizer');
    end($pid);
}

# what a server says before it hangs up is quoted

for my $case (['Not allowed at this time', 'ssh_connect'],
              ['Exceeded MaxStartups', 'ssh_lost'])
{
    my ($said, $code) = @$case;
    my ($port, $pid, $times) = sender("$said\r\n", undef);
    my $driver = driver($port);
    my $a = $driver->ask('find', 'rd-x', 5000);

    is($a->{code}, $code, "a server that says \"$said\": $code");
    like($a->{detail}, qr/the server said "$said"/, '... and is quoted');
    is($times->(), $code eq 'ssh_connect' ? 1 : 3,
        '... asked again only when another try may pass');
    ok($driver->stop, '... no report of a sanitizer');
    end($pid);
}

# the same kind behind the login: an engine that never stops answering

{
    my $dir = RD::DockerHost::scratch("rdt-$$-0");
    my $listen = IO::Socket::UNIX->new(Local => "$dir/fake.sock", Listen => 5)
        or die "fake.sock: $!";
    my $pid = serve($listen, '', "HTTP/1.1 100 Continue\r\n\r\n" x 500);
    my $driver = RD::Driver->start(local => 1,
        docker_socket => "$dir/fake.sock");
    my $a = $driver->ask('find', 'rd-x', MS);

    like($a->{code}, qr/^docker_(?:answer|timeout)$/,
        'an engine whose answers never end');
    cmp_ok($a->{ms}, '<', MS + SLACK_MS, '... in time');
    ok($driver->stop, '... no report of a sanitizer');
    end($pid);
    RD::DockerHost::remove_scratch($dir);
}

done_testing();


sub driver {
    my ($port) = @_;

    return RD::Driver->start(hostname => '127.0.0.1', port => $port,
        user => 'root', insecure => 1);
}


# the most it ever had, KB

sub memory {
    my ($driver) = @_;

    my ($kb) = RD::Sshd::slurp("/proc/$driver->{pid}/status")
               =~ /^VmHWM:\s+(\d+)/m;

    return $kb;
}


# a server that sends the first text once and the other one for ever, or hangs
# up when there is none

sub sender {
    my ($first, $then, $pause) = @_;

    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 9)
        or die "listen: $!";

    pipe(my $from, my $to) or die "pipe: $!";
    my $pid = serve($listen, $first, $then, $pause, $to);
    close($to);

    my $times = sub {
        $from->blocking(0);
        return sysread($from, my $marks, 100) // 0;
    };

    return ($listen->sockport, $pid, $times);
}


# one process for all connections: whatever the peer does, killing it ends all

sub serve {
    my ($listen, $first, $then, $pause, $to) = @_;

    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';
    alarm(60);

    while (my $client = $listen->accept) {
        syswrite($to, '.') if $to;
        syswrite($client, $first) if length $first;

        while (defined $then && syswrite($client, $then)) {
            RD::DockerHost::nap() if $pause;
        }
    }

    POSIX::_exit(0);
}


sub end {
    my ($pid) = @_;

    kill 'KILL', $pid;
    waitpid($pid, 0);
}
