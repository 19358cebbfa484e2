# The tunnels of 011-revoke.t without a cache: nobody tells what changes, so
# Redis is asked.

use RD;

our $Zone = '';

my $revoke = RD::Place::top() . '/t/20-access/011-revoke.t';

do $revoke;
die $@ if $@;
