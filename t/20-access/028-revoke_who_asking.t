# The many who look in 027-revoke_who.t without a cache: nobody tells what
# changes, so Redis is asked.

use RD;

our $Zone = '';

my $revoke = RD::Place::top() . '/t/20-access/027-revoke_who.t';

do $revoke;
die $@ if $@;
