# The accounts of 110-account.t where decisions are cached: what is warm is
# refused as soon as what is cold.

use RD;

our $Zone = "    rd_zone rd:1m;\n";

my $account = RD::Place::top() . '/t/20-access/110-account.t';

do $account;
die $@ if $@;
