package RD::Inner;

# A suite inside of a test: written, run by itself, looked at.  So the runner
# is shown to see what it has to see.

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use RD::Place qw(prefix slurp spew top);

our @EXPORT = qw(inner passes fails);

my $n = 0;


# Runs a suite: { status, out, err, tests => [[ok, label], ...] }.

sub inner {
    my ($suite, %env) = @_;

    my $dir = prefix();
    my $base = "$dir/inner" . ++$n;

    # $ENV{RD_INNER_BUILD}: what the inner suite leaves goes with our folder
    my %over = (RD_BUILD => "$dir/build", RD_TEST_MARK => undef, %env);
    local @ENV{keys %over} = values %over;
    defined $over{$_} or delete $ENV{$_} for keys %over;

    spew("$base.t", $suite);

    my $lib = top() . '/t/lib';
    my $status = system "exec $^X -I'$lib' '$base.t' >'$base.out' 2>'$base.err'"
                        . ' </dev/null';

    my $out = slurp("$base.out");

    return {
        status => $status >> 8 || $status & 127,
        out    => $out,
        err    => slurp("$base.err"),
        tests  => [ map { /^(not )?ok \d+(?: - (.*))?$/
                          ? [$1 ? 0 : 1, $2 // ''] : () } split /\n/, $out ],
    };
}


sub passes {
    my ($name, $suite, %env) = @_;

    my $run = inner($suite, %env);

    ok($run->{status} == 0 && @{ $run->{tests} }
       && !grep({ !$_->[0] } @{ $run->{tests} }), $name)
        or diag("status $run->{status}\n$run->{out}$run->{err}");

    return $run;
}


# Fails, and says this of why.

sub fails {
    my ($name, $suite, $why, %env) = @_;

    my $run = inner($suite, %env);

    ok($run->{status} != 0 && "$run->{out}$run->{err}" =~ $why, $name)
        or diag("status $run->{status}, wanted $why\n$run->{out}$run->{err}");

    return $run;
}


END {
    my $status = $?;
    RD::Place::leave($status || !Test::More->builder->is_passing);
    $? = $status;
}


1;
