# The requests of 021-fuzzed_requests.t once more, with a cache.

use RD;
use RD::Site;

$RD::Site::Http .= "    rd_zone rd:1m;\n";

my $fuzzed = RD::Place::top() . '/t/20-access/021-fuzzed_requests.t';

do $fuzzed;
die $@ if $@;
