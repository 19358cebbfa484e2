# The master switch of 025-switch.t without a cache: nobody tells what changes,
# so Redis is asked.

use RD;

our $Zone = '';

my $switch = RD::Place::top() . '/t/20-access/025-switch.t';

do $switch;
die $@ if $@;
