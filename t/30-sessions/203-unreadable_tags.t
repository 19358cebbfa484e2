# Account tags that cannot be kept as they are (longer than 64 bytes, or with a
# NUL) still tell two accounts apart.

use strict;
use warnings;

use Test::More;

use RD::Script;

my $tag = $RD::Script::Prefix;

sub record {
    my ($n, $account) = @_;

    redis('DEL', "${tag}user:$n");
    redis('HSET', "${tag}user:$n", banned => 0, tag => $account);
}

sub looked { return script('look', $_[0], '')->[1] }

my $user = 0;

for my $case (['long', 'x' x 70 . '1', 'x' x 70 . '2'],
              ['NUL', "7\x001", "7\x002"],
              ['long and NUL', 'x' x 70, "7\x001"])
{
    my ($name, $first, $second) = @$case;

    record(++$user, $first);
    my ($id) = ready($user);

    is(looked($user), 'live', "$name: the account that asked has its desktop");

    my ($account) = accounts($user);
    is($account->[0], $account->[2], "$name: and gates find so");

    record($user, $second);
    is(looked($user), 'none', "$name: the next account with the id does not");

    ($account) = accounts($user);
    isnt($account->[0], $account->[2], "$name: and gates find so");

    record($user, $first);
    is(looked($user), 'live', "$name: it was the record that decided");
}

done_with_scripts();
