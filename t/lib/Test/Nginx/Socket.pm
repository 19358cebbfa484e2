package Test::Nginx::Socket;

# Suites that keep to the language of Test::Nginx::Socket run with either of
# the two: with ours by -It/lib.

use strict;
use warnings;

use RD ();

sub import {
    my ($class, @args) = @_;

    @_ = ('RD', @args);
    goto &RD::import;
}


1;
