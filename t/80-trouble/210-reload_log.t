# What a reload writes at level notice: nothing of ours while all is well, and a
# trouble that the server tells every worker once, not once per worker.

use RD 'no_plan';
use RD::Site;

$RD::Site::Http .= "    rd_zone rd:1m;\n";

log_level('notice');
workers(4);
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);

docker_hosts(2);
run_tests();

# the lines of ours that a reload writes

sub reload {
    my $mark = nginx()->log_size;
    my ($rounds, $new) = (0, 0);

    nginx()->reload;
    wait_until(20, sub { nginx()->workers == 4 }) or die 'no reload';

    # the new workers have been at Redis, twice
    for (1 .. 2) {
        http('GET /remote-desktop/api/status') for 1 .. 8;
    }

    return map { s/.*(?=rd )//sr } grep { /: rd / }
           split /\n/, nginx()->log($mark);
}

sub long_or_cut { return grep { length > 300 } @_ }

ok(wait_until(20, sub {
       return (() = error_log() =~ /rd fleet: host \S+ up/g) == 2;
   }), 'both hosts are up');

is_deeply([reload()], [], 'a reload with healthy hosts writes no line of ours');

redis('ACL', 'SETUSER', 'default', '-client|tracking');
my @lines = reload();
is(scalar @lines, 2, 'without client tracking it writes one line per server')
    or diag("@lines");
like($lines[0] // '', qr{\Ard\ redis\ \w+\ tracking:\ CLIENT\ TRACKING\ refused,
                         \ a\ change\ counts\ after\ 5000ms\ \(rd_cache_ttl\):
                         \ NOPERM\ .*\ \(rd_(?:ctfd_)?redis\ \S+\)\z}x,
     'with the effect, the directive and the words of Redis');
redis('ACL', 'SETUSER', 'default', '+client|tracking');

redis('REPLICAOF', '127.0.0.1', RD::Place::free_port());
@lines = reload();
cmp_ok(scalar @lines, '<', 4, 'not every worker warns of a read-only replica')
    or diag("@lines");
like($lines[0] // '', qr/writes are refused, reads go on: READONLY/,
     'that names the cause');
redis('REPLICAOF', 'NO', 'ONE');

is_deeply([long_or_cut(split /\n/, error_log())], [], 'no line is long');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
  memory_limit: 64m
--- request
GET /remote-desktop/api/status
--- error_code: 401
