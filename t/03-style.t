# tools/style.pl: each fault is planted once in a small file and named.

use strict;
use warnings;

use Test::More;

use RD::Place qw(prefix spew top);

my $dir = prefix() . '/src/base';


sub style {
    my ($name, $text) = @_;

    my $path = ($name =~ m{^t/} ? prefix() : $dir) . "/$name";
    spew($path, $text);

    my $out = `'$^X' '@{[top()]}/tools/style.pl' '$path' 2>&1`;
    return ($? >> 8, $out);
}

my $top = "\n/*\n * Copyright (C) the ngx_rd authors\n */\n\n\n";
my $guard = '_NGX_RD_A_H_INCLUDED_';

my %clean = (
    'ngx_rd_a.c' => $top . "int\na(void)\n{\n    return 1;\n}\n\n\n"
                    . "/* see http://example.org */\n\n"
                    . "static char  *b = \"//\";\n",
    'ngx_rd_a.h' => $top . "#ifndef $guard\n#define $guard\n\n\nint  a;\n\n\n"
                    . "#endif /* $guard */\n",
    'a.sh'       => "#!/bin/sh\necho a\n",
    'a.pl'       => "#!/usr/bin/perl\nuse strict;\nprint 1;\n",
    'a.mjs'      => "export const a = 1;\n",
    'a.js'       => "export const a = 1;\n",
    'a.py'       => "a = 1\n",
    't/a.t'      => "use RD 'no_plan';\nrun_tests();\n__DATA__\n",
    'a.md'       => 'long lines are fine here ' x 8 . "x\n",
);

for my $name (sort keys %clean) {
    my ($status, $out) = style($name, $clean{$name});
    ok($status == 0 && $out =~ /no faults/, "$name: a clean file passes")
        or diag($out);
}

my $c = $clean{'ngx_rd_a.c'};
my $long = '/* ' . 'x' x 76 . " */\n";
my $todo = 'TO' . 'DO';
my $only = '--- ON' . 'LY';

my @faults = (
    ['ngx_rd_a.c', $c . $long, 17, 'longer than 80 columns'],
    ['ngx_rd_a.c', "$c\tint a;\n", 17, 'a tab'],
    ['ngx_rd_a.c', $c . "int a; \n", 17, 'trailing white space'],
    ['ngx_rd_a.c', $c . "int a; // b\n", 17, 'a // comment'],
    ['ngx_rd_a.c', $c . "#if 0\n#endif\n", 17, 'dead code (#if 0)'],
    ['ngx_rd_a.c', $c . "/* $todo: all */\n", 17, 'work left to do'],
    ['ngx_rd_a.c', $c =~ s/\}\n\n\n/}\n\n/r, 12, 'not two empty lines'],
    ['ngx_rd_a.c', $c =~ s/\}\n\n\n/}\n\n\n\n/r, 12, 'not two empty lines'],
    ['ngx_rd_a.c', "int a;\n", 1, 'does not open with the copyright'],
    ['ngx_rd_a.c', $c . "int a;\n" x 650, 666, 'more than 650 lines'],
    ['ngx_rd_a.c', "${c}int a;", 17, 'no newline at the end'],
    ['ngx_rd_util.c', $c, 1, 'a file of things that have no name'],
    ['ngx_rd_a.h', $clean{'ngx_rd_a.h'} =~ s/_A_H/_B_H/r, 1,
     "no header guard $guard"],
    ['a.md', "see /" . "work/main\n", 1, 'a path of one machine'],
    ['t/a.t', "use strict;\n__DATA__\n$only\n", 3, 'only this block would run'],
    ['t/a.t', "use strict;\nsle" . "ep 1;\n", 2, 'sleeps: wait'],
    ['a.sh', "#!/bin/sh\nif true; then\n", 3, 'sh: '],
    ['a.sh', "#!/bin/bash\nif [[ a ]]; then\n", 3, 'bash: '],
    ['a.pl', "use strict;\n\$a = ;\n", 2, 'perl: '],
    ['a.mjs', "export cons\n", 1, 'js: '],
    ['a.js', "export cons\n", 1, 'js: '],
    ['a.py', "def a(:\n", 1, 'python: '],
);

for my $fault (@faults) {
    my ($name, $text, $line, $what) = @$fault;

    my ($status, $out) = style($name, $text);
    ok($status == 1 && $out =~ /^style: \S+\Q$name:$line: $what\E/m,
       "$name: $what") or diag("line $line\n$out");
}

done_testing();


END {
    my $code = $?;
    RD::Place::leave($code || !Test::More->builder->is_passing);
    $? = $code;
}
