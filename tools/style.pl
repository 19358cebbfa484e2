#!/usr/bin/perl

# style.pl [FILE...]: the rules of style that a machine can see, on all files
# git knows or would add.  One line a fault, "style: file:line: what".

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);

use constant {
    COLUMNS_MAX => 80,
    LINES_MAX   => 650,
};

my $top = abs_path(dirname(__FILE__) . '/..');
my $faults = 0;

if (!@ARGV) {
    chdir $top or die "$top: $!\n";
    @ARGV = grep { -f } split /\0/, `git ls-files -zco --exclude-standard`;
    die "style: git lists no files here\n" if !@ARGV;
}

check($_) for @ARGV;

printf "style: %d files, %s\n", scalar @ARGV,
       $faults ? "$faults faults" : 'no faults';
exit($faults ? 1 : 0);


sub fault {
    my ($file, $line, $what) = @_;

    print "style: $file:$line: $what\n";
    $faults++;
}


sub check {
    my ($file) = @_;

    open my $in, '<:raw', $file or return fault($file, 0, $!);
    my $text = do { local $/; <$in> } // '';

    return if $text =~ /\0/;        # an image, or a corpus file

    utf8::decode($text);

    my $first = $text =~ /\A#!(.*)/ ? $1 : '';
    my $kind = $file =~ /\.(c|h)$/             ? 'c'
             : $file =~ /\.(pl|pm|t)$/         ? 'perl'
             : $first =~ /\bperl\b/            ? 'perl'
             : $first =~ /\bbash\b/            ? 'bash'
             : $file =~ /\.sh$/ || $first =~ m{/sh\b} ? 'sh'
             : $file =~ /\.m?js$/              ? 'js'
             : $file =~ /\.py$/ || $first =~ /\bpython/ ? 'python'
             : $file =~ /\.lua$/               ? 'lua'
             : $file =~ /(?:^|\/)Makefile$/    ? 'make'
             : '';

    check_text($file, $text);
    check_code($file, $kind, $text) if $kind;
    check_c($file, $text) if $kind eq 'c';
    check_test($file, $text) if $file =~ m{(?:^|/)t/.*\.(?:t|pm|pl|c|py)$};
    check_syntax($file, $kind);
}


# Any file a person reads.

sub check_text {
    my ($file, $text) = @_;

    return if $file =~ /\bpackage-lock\.json$|\bt\/fuzz\/corpus\//;

    my $n = 0;
    for my $line (split /\n/, $text) {
        $n++;
        fault($file, $n, 'trailing white space') if $line =~ /[ \t\r]$/;
        fault($file, $n, 'a path of one machine')
            if $line =~ m{(?:^|[^\w.])/(?:work|farm)/};
    }

    fault($file, $n, 'no newline at the end')
        if length $text && $text !~ /\n\z/;
    fault($file, $n, 'empty lines at the end') if $text =~ /\n\n\z/;
}


sub check_code {
    my ($file, $kind, $text) = @_;

    my @lines = split /\n/, $text;
    my $data = 0;

    for my $n (1 .. @lines) {
        my $line = $lines[$n - 1];

        # what follows is read by the test runner, not by people alone
        $data ||= $kind eq 'perl' && $line =~ /^__(?:DATA|END)__$/;

        fault($file, $n, 'a tab') if $line =~ /\t/ && $kind ne 'make';
        fault($file, $n, 'longer than ' . COLUMNS_MAX . ' columns')
            if length $line > COLUMNS_MAX && !$data;

        # written so that this line does not find itself
        fault($file, $n, 'work left to do: finish it')
            if $line =~ /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/;
    }

    fault($file, scalar @lines, 'more than ' . LINES_MAX . ' lines: a second '
                                . 'noun wants a second file')
        if @lines > LINES_MAX;

    fault($file, 1, 'a file of things that have no name: name the noun')
        if basename($file) =~ /util/i;
}


sub check_c {
    my ($file, $text) = @_;

    # comments and strings out of the way, lines kept
    (my $code = $text) =~ s{
        (/\*.*?\*/) | ("(?:\\.|[^"\\\n])*") | ('(?:\\.|[^'\\\n])*')
    }{
        my $gap = $&;
        $gap =~ s/[^\n]/ /g;
        $gap;
    }gsex;

    my @code = split /\n/, $code;
    my @lines = split /\n/, $text;

    for my $n (1 .. @code) {
        fault($file, $n, 'a // comment') if $code[$n - 1] =~ m{//};
        fault($file, $n, 'dead code (#if 0)')
            if $code[$n - 1] =~ /^\s*#\s*if\s+0\b/;

        next if $code[$n - 1] !~ /^\}\s*$/;

        # a function ended: two empty lines, or the end, or the preprocessor
        my $next = $n;
        $next++ while $next < @lines && $lines[$next] =~ /^\s*$/;

        next if $next >= @lines || $lines[$next] =~ /^#/;

        fault($file, $n + 1, 'not two empty lines between functions')
            if $next - $n != 2;
    }

    return if $file !~ m{^(?:\Q$top\E/)?(?:src/|[^/]+$)} && $file !~ m{/src/};

    fault($file, 1, 'does not open with the copyright')
        if $text !~ m{\A\n/\*\n \* Copyright \(C\) the ngx_rd authors\n};

    return if $file !~ /\.h$/;

    my $guard = '_' . uc(basename($file, '.h')) . '_H_INCLUDED_';

    fault($file, 1, "no header guard $guard")
        if $text !~ /^#ifndef \Q$guard\E\n#define \Q$guard\E\n/m
           || $text !~ m{^#endif /\* \Q$guard\E \*/\n\z}m;
}


sub check_test {
    my ($file, $text) = @_;

    my $n = 0;
    for my $line (split /\n/, $text) {
        $n++;
        fault($file, $n, 'only this block would run') if $line =~ /^--- ONLY\b/;
        fault($file, $n, 'sleeps: wait for the condition instead')
            if $line =~ /(?<![\w"'])u?sleep[ (]+["']?[\d.\$]/;
    }
}


sub check_syntax {
    my ($file, $kind) = @_;

    my @command = $kind eq 'perl' ? ($^X, "-I$top/t/lib",
                               "-I$top/bench/lib", '-c', $file)
                : $kind eq 'bash' ? ('bash', '-n', $file)
                : $kind eq 'sh'   ? ('sh', '-n', $file)
                : $kind eq 'js'   ? ('node', '--check', $file)
                : $kind eq 'python' ? ('python3', '-c',
                    'import sys; compile(open(sys.argv[1]).read(), '
                    . 'sys.argv[1], "exec")', $file)
                : return;

    my $pid = open my $out, '-|';
    defined $pid or die "fork: $!";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;

        # only standard input may be told to be a module
        if ($kind eq 'js' && $file !~ /\.mjs$/) {
            open STDIN, '<', $file or exit 1;
            @command = ('node', '--input-type=module', '--check', '-');
        }

        exec @command or do {
            print "$command[0]: $!\n";
            exit 1;
        };
    }

    my @said = <$out>;
    close $out and return;

    chomp @said;
    my ($line) = "@said" =~ /(?:line |: ?)(\d+)/;
    fault($file, $line // 0, "$kind: " . ($said[0] // 'does not parse'));
}
