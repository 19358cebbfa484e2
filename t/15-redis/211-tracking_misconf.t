# A Redis that cannot save refuses PING, also on the tracking connection.  It
# still reports changes there, so the cache goes on and nothing is blamed on
# client tracking.

use RD 'no_plan';
use RD::Place qw(prefix);
use RD::Serve;
use RD::Site;

$RD::Site::Http .= "    rd_zone rd:1m;\n    rd_cache_ttl 10m;\n";

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);

run_tests();

# a folder of this name: the last rename of a snapshot fails, also for root
mkdir prefix() . '/dump.rdb';
redis('CONFIG', 'SET', 'save', '3600 1');
redis('BGSAVE');

ok(wait_until(10, sub { !eval { redis('PING'); 1 } }), 'Redis cannot save');

# the tracking connections ask once a second
my $errors = sub { redis('INFO', 'errorstats') =~ /MISCONF:count=(\d+)/ && $1 };
my $begun = $errors->();
ok(wait_until(20, sub { $errors->() >= $begun + 8 }),
   'PING is refused several times');

is(scalar(() = error_log() =~ /CLIENT TRACKING refused/g), 0,
   'the log does not blame client tracking');
is(scalar(() = redis('CLIENT', 'LIST') =~ / flags=\S*[Pt]/g), 2,
   'both tracking connections stay as they are');

redis('CONFIG', 'SET', 'save', '');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
