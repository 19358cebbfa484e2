# The hosts of a test leave nothing, also when the test is killed hard.

use strict;
use warnings;

use Test::More;

use File::Temp;
use RD::DockerHost;
use RD::Place qw(slurp wait_until);
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

for my $end (qw(exit die INT KILL)) {
    local $^F = 255;        # the pipe outlives exec
    pipe(my $in, my $out) or die "pipe: $!";
    my $said = File::Temp->new;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        open(STDERR, '>', $said->filename);

        # whoever starts the suites in the background has it ignored
        $SIG{INT} = 'DEFAULT';

        exec($^X, (map { "-I$_" } @INC), '-e', <<'PROGRAM', $end, fileno $out)
use RD::DockerHost;
use RD::Sshd;
my ($end, $fd) = @ARGV;
my $host = RD::DockerHost->start(netns => 1);
my $near = RD::DockerHost->start(image => 0);
my $sshd = RD::Sshd->start(host => $host);
my $agent = RD::Sshd->agent($sshd->key_file);
$host->docker('run', '-d', '--name', 'rd-left', '-p',
    $host->address . '::6080', 'rd-test-desktop');
my @links = map { $_->{link} } $host, $near;
open(my $out, '>&=', $fd) or die;
syswrite($out, "@links\n");
exit 0 if $end eq 'exit';
die "on purpose\n" if $end eq 'die';
kill $end, $$;
select(undef, undef, undef, 0.1) while 1;
PROGRAM
            or POSIX::_exit(127);
    }

    close($out);
    my @links = split(' ', <$in> // '');
    waitpid($pid, 0);

    is(scalar @links, 2, "$end: two hosts and an sshd were up")
        or diag(slurp($said->filename));

    # what is killed is dead a moment later
    ok(wait_until(20, sub { !processes($pid) }), "$end: no process");

    # nobody is told of a KILL: the rest is removed when the next test starts a
    # host
    RD::DockerHost::sweep() if $end eq 'KILL';

    ok(!(grep { -e "/sys/class/net/$_" && alias($_) =~ /\b$pid\b/ } @links),
        "$end: no network");
    is_deeply([glob("/sys/fs/cgroup/rdt-$pid-* /sys/fs/cgroup/*/rdt-$pid-*")],
        [], "$end: no cgroup");
    my $folders = '{' . RD::DockerHost::scratch_folders() . '}';
    is_deeply([glob("$folders/rd[st]-$pid-*")], [], "$end: no folder");
}

done_testing();


sub alias {
    my ($link) = @_;

    open(my $fh, '<', "/sys/class/net/$link/ifalias") or return '';

    return <$fh> // '';
}


# all of them carry a scratch folder's name in their arguments, but for those
# inside of the pid namespaces, which cannot outlive them
sub processes {
    my ($pid) = @_;

    my $n = 0;

    for my $path (glob('/proc/[0-9]*/cmdline')) {
        open(my $fh, '<', $path) or next;
        local $/;
        $n++ if (<$fh> // '') =~ m{/rd[st]-$pid-};
    }

    return $n;
}
