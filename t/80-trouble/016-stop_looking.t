# A worker that leaves waits for nobody whom it has only asked how he is.

use RD 'no_plan';
use IO::Socket::INET;
use RD::Place qw(free_port);
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);

# the kernel takes connections, and nobody ever says a word
my $port = $ENV{TEST_NGINX_MUTE_PORT} = free_port();
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
                                 Listen => 64, ReuseAddr => 1)
    or die "listen: $!";

my $tag = 'rd:{' . RD::site() . '}:';

sub count {
    my ($what) = @_;

    return scalar(() = error_log() =~ /$what/g);
}

my $looks = qr/rd job: (?:probe|sweep) started/;
my $cut = qr/rd health: host 127\.0\.0\.1:$port not probed to the end/;

run_tests();

ok(wait_until(10, sub { count($looks) == 2 }),
   'a host that says nothing is probed and swept');

kill HUP => nginx()->pid;
ok(wait_until(10, sub { count($cut) == 1 }),
   'a reload: the old worker does not hear it out');
ok(wait_until(10, sub { count(qr/rd job: probe started/) == 2 }),
   'but the new one asks again, from the beginning');

ok(nginx()->stop, 'nginx stops');
is(count($cut), 2, 'again nobody was heard out');

is(redis('HGET', "${tag}host:127.0.0.1:$port", 'checked_ms') // 'never',
   'never', 'what was not heard out says nothing of the host');
is(count(qr/could not be swept|rd fleet: host/), 0, 'nor does the log');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
  - hostname: 127.0.0.1
    port: $TEST_NGINX_MUTE_PORT
    host_key_check: off
--- request
GET /remote-desktop/api/status
--- error_code: 401
