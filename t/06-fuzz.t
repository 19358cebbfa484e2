# Every fuzz target builds, and survives its seeds and all that earlier runs
# found: what make fuzz would run cannot rot.

use strict;
use warnings;

use Test::More;

use RD::Place qw(top);

my $top = top();
my @targets = map { m{/(\w+)\.c$} } glob "$top/t/fuzz/*.c";

plan(skip_all => 'needs clang')
    if !grep { -x "$_/clang" } split /:/, $ENV{PATH};

cmp_ok(scalar @targets, '>', 0, 'there are targets');

sub fuzz {
    my (@arguments) = @_;

    open my $out, '-|', "'$top/tools/fuzz.sh' @arguments 2>&1"
        or die "fuzz.sh: $!";
    my $said = do { local $/; <$out> } // '';
    close $out;

    return ($? >> 8, $said);
}

for my $target (@targets) {
    my @seeds = glob "$top/t/fuzz/corpus/$target/*";
    my ($status, $said) = fuzz(0, $target);

    cmp_ok(scalar @seeds, '>', 2, "$target has seeds");
    is($status, 0, "$target builds and survives them") or diag($said);

    my ($count) = $said =~ /^fuzz: \w+: (\d+) executions, no crash$/m;
    cmp_ok($count // 0, '>=', scalar @seeds, "$target was given each");
}

my ($status, $said) = fuzz(0, 'nobody');
isnt($status, 0, 'a target that is not there is no success');

($status, $said) = fuzz('long');
is($status, 2, 'seconds are a number');

done_testing();
