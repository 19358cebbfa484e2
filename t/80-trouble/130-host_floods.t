# A host that sends lines without end and never speaks SSH: its probe ends, it
# is down, and workers leave when they are told to.

use RD 'no_plan';
use IO::Socket::INET;
use POSIX ();
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "listen: $!";
my $port = $ENV{TEST_NGINX_FLOOD_PORT} = $listen->sockport;
my $flood = flood();

my $tag = 'rd:{' . RD::site() . '}:';

sub host { my ($f) = @_; redis('HGET', "${tag}host:127.0.0.1:$port", $f) // '' }

run_tests();

ok(wait_until(20, sub { host('health') eq 'down' }), 'the host is down');
like(host('error'), qr/^ssh_(?:answer|timeout)$/, 'the error says why');
my $why = qr/sent \d+ bytes|still sending/;
like(error_log(), qr/\[warn\].*host 127\.0\.0\.1:$port .*$why/,
    'and a warning');

my @old = nginx()->workers;
nginx()->reload;
ok(wait_until(20, sub { !grep { RD::Nginx::alive($_) } @old }),
    'the old worker leaves after a reload');

for my $worker (nginx()->workers) {
    my ($kb) = slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+)/m;
    cmp_ok($kb, '<', 200 * 1024, 'the worker stays small');
}

ok(nginx()->stop, 'nginx stops when it is told to');
kill 'KILL', $flood;
waitpid($flood, 0);


# one process; a connection that is closed makes room for the next one

sub flood {
    my $pid = fork // die "fork: $!";
    return $pid if $pid;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{PIPE} = 'IGNORE';
    $SIG{CHLD} = 'IGNORE';
    alarm(120);

    while (my $client = $listen->accept) {
        next if fork;
        alarm(60);
        while (syswrite($client, "hello\r\n" x 2000)) { }
        POSIX::_exit(0);
    }

    POSIX::_exit(0);
}


sub slurp {
    my ($path) = @_;

    open(my $fh, '<', $path) or return '';
    local $/;
    return <$fh> // '';
}

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
  - hostname: 127.0.0.1
    port: $TEST_NGINX_FLOOD_PORT
    host_key_check: off
--- request
GET /remote-desktop/api/status
--- error_code: 401
