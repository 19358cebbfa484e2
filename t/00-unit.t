#!/usr/bin/perl

# builds and runs t/unit

use strict;
use warnings;

use FindBin qw($Bin);

exec "$Bin/../tools/unit.sh" or die "tools/unit.sh: $!\n";
