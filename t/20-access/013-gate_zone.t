# The gate of 003-gate.t once more, with a cache.

use RD;
use RD::Site;

$RD::Site::Http .= "    rd_zone rd:1m;\n";

my $gate = RD::Place::top() . '/t/20-access/003-gate.t';

do $gate;
die $@ if $@;
