# 200-team_left.t where decisions are cached.

use RD;

our $Zone = "    rd_zone rd:1m;\n";

my $team_left = RD::Place::top() . '/t/20-access/200-team_left.t';

do $team_left;
die $@ if $@;
