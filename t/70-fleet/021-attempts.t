# A session that fails on one host after the other: how often it is tried.

use RD 'no_plan';
use IO::Socket::INET;
use RD::Site;

use constant HOSTS => 5;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

# each is reached, and none can prove who it is
my @listen = map {
    IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
        or die "listen: $!"
} 1 .. HOSTS;
my @ports = map { $_->sockport } @listen;
my @names = map { "127.0.0.1:$_" } @ports;
my $tag = 'rd:{' . RD::site() . '}:';

$ENV{TEST_NGINX_NOBODY} = join '', map { <<"END" } @ports;
  - hostname: 127.0.0.1
    port: $_
    known_hosts: /nonexistent/known_hosts
END

my $ada = visitor('ada');

run_tests();

ok(wait_until(30, sub {
       HOSTS == grep { (redis('HGET', "${tag}host:$_", 'health') // '')
                       eq 'down' } @names;
   }), 'no host is fit');

# as if they were, and nobody looks again
for my $key (map { "${tag}host:$_" } @names) {
    redis('HINCRBY', $key, 'probe', 1);
    redis('HSET', $key, 'health', 'up', 'reason', '', 'next_ms', '9' x 13);
}

api($ada, 'POST create');
is(wait_progress($ada, 'ready|failed', 40)->{code}, 'ssh_host_key',
   'a creation fails on a host');

my @tried = error_log() =~ /queued -> creating, host:(\S+) attempt:\d/g;
is(scalar @tried, HOSTS, 'as it fails fast, it is tried on all five');

my %once = map { $_ => 1 } @tried;
is(scalar keys %once, HOSTS, 'on each of them once');
is(scalar(my @rows = history_of($ada)), 1, 'then it has failed');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_NOBODY
docker_image: rd-test-desktop:latest
--- request
GET /remote-desktop/api/status
--- error_code: 401
