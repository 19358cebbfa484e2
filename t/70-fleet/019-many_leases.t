# A worker drives more sessions than one call renews: no lease is forgotten.

use RD 'no_plan';
use RD::Site;

use constant SESSIONS => 560;

log_level('notice');
$RD::Site::Http .= "    rd_ready_timeout 10m;\n    rd_probe_interval 10m;\n"
                 . "    rd_sweep_interval 10m;\n";
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:/);

run_tests();

my $tag = 'rd:{' . RD::site() . '}:';

# They start on a host that never answers, and whoever drove them is gone.
my $lua = <<'END';
for i = 1, ARGV[1] do
    local id = string.format('%032x', i)
    redis.call('HSET', KEYS[1] .. 'session:' .. id, 'id', id, 'owner', i,
               'username', 'u', 'account', 'u', 'vnc_password', 'p',
               'state', 'starting', 'epoch', 1, 'attempts', 1, 'tried', '',
               'host', '192.0.2.1', 'container', 'rd-x-' .. id,
               'address', '192.0.2.1', 'web_port', 1, 'vnc_port', 1,
               'initial_s', 3600, 'extension_s', 1200, 'extensions_max', 3,
               'created_ms', 1, 'since_ms', 1)
    redis.call('ZADD', KEYS[1] .. 'lease', 1, id)
end
END

redis('EVAL', $lua, 1, $tag, SESSIONS);

sub now_ms { my ($now) = @{ redis('TIME') }; return 1000 * $now }

# leases that end between two times
sub leases { return redis('ZCOUNT', "${tag}lease", @_) }

ok(wait_until(60, sub { leases(now_ms(), '+inf') == SESSIONS }),
   'a worker takes over ' . SESSIONS . ' sessions');

# as if each lease had just been given for an hour: renewed, it is for seconds
my $hour = now_ms() + 3600_000;
my @ids = @{ redis('ZRANGE', "${tag}lease", 0, -1) };
redis('ZADD', "${tag}lease", map { ($hour, $_) } @ids);

ok(wait_until(60, sub { leases($hour, '+inf') == 0 }),
   'and renews the lease of each')
    or diag(leases($hour, '+inf') . ' were not');

# somebody else has made them ready: each driver asks once more and goes
sub scripts { return (redis('INFO', 'commandstats')
                      =~ /^cmdstat_evalsha:calls=(\d+)/m)[0] }

my $before = scripts();
redis('HSET', "${tag}session:$_", 'state', 'ready', 'epoch', 9) for @ids;
ok(wait_until(60, sub { scripts() >= $before + SESSIONS }),
   'who has lost one is told so');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
