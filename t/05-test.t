# tools/test.pl: its closing line counts tests, and files that broke off.

use strict;
use warnings;

use Test::More;

use RD::Place qw(prefix spew top);

my %file = (
    good    => ['1..3', 'ok 1', 'ok 2', 'ok 3', 0],
    bad     => ['1..3', 'ok 1', 'not ok 2 - second', '# odd', 'ok 3', 1],
    short   => ['1..3', 'ok 1', 'ok 2', 0],
    dies    => ['1..2', 'ok 1', 'ok 2', 3],
    skipped => ['1..0 # skip no engine', 0],
);

for my $name (keys %file) {
    my ($status, @lines) = reverse @{ $file{$name} };
    my $print = join '', map { "print qq($_\\n);\n" } reverse @lines;

    spew(prefix() . "/t/$name.t", $print . "exit $status;\n");
}

sub closing {
    my (@names) = @_;

    my @paths = map { prefix() . "/t/$_.t" } @names;
    my @lines = split /\n/, `'$^X' '@{[top()]}/tools/test.pl' @paths 2>&1`;

    return ($? >> 8) . ": $lines[-1]";
}

is(closing('good'), '0: 3 passed, 0 failed', 'all pass');
is(closing('good', 'bad'), '1: 5 passed, 1 failed', 'one test fails');
is(closing('good', 'short'), '1: 5 passed, 1 failed',
   'a plan that is not met is a failure');
is(closing('dies'), '1: 2 passed, 1 failed', 'a file that dies is a failure');
is(closing('good', 'skipped'), '0: 3 passed, 0 failed',
   'what is skipped is neither');

my $path = prefix() . '/t';
my $all = `'$^X' '@{[top()]}/tools/test.pl' '$path' 2>&1`;
is((split /\n/, $all)[-1], '9 passed, 3 failed', 'a folder is all its files');
like($all, qr/t\/bad\.t, once more by itself.*^not ok 2/ms,
     'what failed is run again, verbose');

like($all, qr/^---- \S+bad\.t, the first time:\nnot ok 2 - second\n +# odd/m,
     'and named at the end with what it said');
like($all, qr/dies\.t, the first time:\n1\.\.2\nok 1\nok 2\n/,
     'of a file that breaks off stand its last lines');

{
    local $ENV{RD_FILE_S} = 4;
    spew(prefix() . '/t/hangs.t', "print qq(1..2\nok 1\n);\n\$| = 1;\n"
        . "print '';\nselect undef, undef, undef, undef;\n");
    is(closing('hangs'), '1: 1 passed, 1 failed', 'a file that hangs is ended');
}

{
    local $ENV{PATH} = prefix() . ":$ENV{PATH}";
    spew(prefix() . '/df', "#!/bin/sh\necho Filesystem blocks used free\n"
        . "echo /dev/x 9000000 8500000 500000 95% /\n");
    chmod 0755, prefix() . '/df';
    like(closing('good'),
         qr/^\d+: test: \S+ has 0\.5 GB of free disk, 1 GB are needed$/,
         'a disk that is too full is one sentence');
}

{
    local $ENV{RD_JOBS} = 1;
    my $dir = prefix() . '/order';
    spew("$dir/$_", "print qq(1..1\nok 1\n);\n")
        for 't/00-a.t', 't/90-road/001-browser.t';
    my $order = `'$^X' '@{[top()]}/tools/test.pl' '$dir' 2>&1`;
    like($order, qr/001-browser\.t.*00-a\.t/s, 'what others need begins first');
}

for my $list ('serial', 'first') {
    my @gone = grep { !-e top() . "/$_" } grep { /^[^#]/ }
        split /\n/, RD::Place::slurp(top() . "/t/$list.txt");
    is("@gone", '', "what t/$list.txt names is there");
}

is(closing('none'), "2: test: $path/none.t: no such file or folder",
   'a file that is not there is told');

done_testing();


END {
    my $code = $?;
    RD::Place::leave($code || !Test::More->builder->is_passing);
    $? = $code;
}
