# `make run` on a machine of its own (namespaces): what it starts it stops,
# whatever goes wrong, and what others use it leaves.

use strict;
use warnings;

use POSIX ();
use Test::More;

use RD::DockerHost;
use RD::Place qw(build_dir prefix slurp spew top wait_until);

my $missing = RD::DockerHost->missing;
plan skip_all => $missing if $missing;

my $build = prefix() . '/build';
my $number = 0;
my $pid;

mkdir $_ for $build, "$build/t", '/var/lib/docker', prefix() . '/docker';
symlink build_dir() . "/$_", "$build/$_" for qw(node venv);
system('cp', '-a', build_dir() . '/objs', "$build/objs") == 0 or die;

# the image is built here, where there is a network
chomp(my $sum = qx(@{[ top() ]}/tools/image.sh --sum));
if (!-f build_dir() . "/cache/desktop-$sum.tar") {
    my $host = RD::DockerHost->start(image => 0);
    system(top() . '/tools/image-load.sh', $host->socket) == 0
        or die "the desktop image could not be made\n";
    $host->stop;
}


# Runs tools/run.sh as process 2 of a machine without network and without an
# engine.  Afterwards, "left" holds the commands that still run there.

sub start_run {
    my ($cache) = @_;

    my $base = prefix() . '/run' . ++$number;
    spew("$base.sh", <<'END');
mount -t tmpfs tmpfs /run
mkdir -m 1777 /run/lock
mount --bind "$2" /var/lib/docker
ip link set lo up
"$3/tools/run.sh" > "$1.log" 2>&1
echo $? > "$1.status"
ps -eo args= > "$1.left.new"
mv "$1.left.new" "$1.left"
# until the test has looked
exec tail -f /dev/null
END

    defined($pid = fork) or die "fork: $!";

    if ($pid == 0) {
        $ENV{RD_BUILD} = $build;
        $ENV{RD_CACHE} = $cache;
        exec 'unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc',
            '--kill-child=KILL', '--', 'sh', "$base.sh", $base,
            prefix() . '/docker', top()
            or POSIX::_exit(127);
    }

    return $base;
}

sub inside {
    my (@command) = @_;

    my ($inner) = split ' ', slurp("/proc/$pid/task/$pid/children");
    return qx(nsenter -t $inner -n -m -p @command 2>&1);
}

# the machine's processes, once run.sh has ended

sub ended {
    my ($base) = @_;

    wait_until(60, sub { -f "$base.left" })
        or diag('run.sh does not end: ' . slurp("$base.log"));
    return slurp("$base.left");
}

sub machine_off {
    kill KILL => $pid;
    waitpid $pid, 0;
    undef $pid;
}

sub interrupt {
    inside(q(sh -c 'kill -INT $(pgrep -f tools/run.sh | head -1)'));
}

END {
    my $status = $?;
    machine_off() if $pid;
    RD::Place::leave($status || !Test::More->builder->is_passing);
    $? = $status;
}


# ---- the image cannot be made ------------------------------------------------

mkdir prefix() . '/empty';
my $base = start_run(prefix() . '/empty');
my $left = ended($base);
my $log = slurp("$base.log");

isnt(slurp("$base.status"), "0\n",
     'without a network and without a cached image the set-up fails');
like($log, qr{image could not|could not be made; the end of \S+image\.log},
     '... and the log of the image is named');
like($log, qr/takes some minutes; the log is/,
     '... as it was before the step that takes long');
like($log, qr/run: stopping/, '... and what was started is stopped');
unlike($left, qr/dockerd|containerd|nginx|redis-server/,
       '... the Docker engine included');
machine_off();


# ---- it runs -----------------------------------------------------------------

sub starts {
    my ($base) = @_;

    return wait_until(60, sub { slurp("$base.log") =~ m{http://127} })
           || diag(slurp("$base.log")) && 0;
}

$base = start_run(build_dir() . '/cache');
ok(starts($base), 'with a cached image it starts without a network');
like(slurp("$base.log"), qr/image: loading/, '... and says what it loads');
like(inside('curl -s http://127.0.0.1:8080/remote-desktop'), qr/<html/,
     'the page is there');

interrupt();
$left = ended($base);
unlike($left, qr/dockerd|containerd|nginx|redis-server|login\.py/,
       'Ctrl-C stops all it started');
machine_off();


# ---- others use its engine ---------------------------------------------------

$base = start_run(build_dir() . '/cache');
ok(starts($base), 'it starts a second time');
unlike(slurp("$base.log"), qr/image: loading/,
       'an image that the engine has already is not loaded again');

inside(q(sh -c 'docker events > /run/events 2>&1 &'));
ok(wait_until(20, sub {
       inside(q(ss -xH state connected src /var/run/docker.sock)) =~ /docker/;
   }), 'somebody follows the events of its engine');

interrupt();
$left = ended($base);
like($left, qr/dockerd/, 'an engine that others use stays');
unlike($left, qr/nginx|redis-server|login\.py/, '... and nothing else does');
like(slurp("$base.log"),
     qr/engine \(pid \d+\) stays for open connections; to stop it: kill/,
     '... which is said, with the command that stops it');
machine_off();

done_testing();
