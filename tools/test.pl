#!/usr/bin/perl

# test.pl [PATH...]: runs suites, two files at a time, then those that failed
# again, alone and verbose, for the reader.  A test that failed stays failed,
# whatever the second run says, and is named at the end with what it said.
# The last line counts tests.  Files named in t/first.txt begin first, folders
# named in t/serial.txt run one file at a time.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find qw(find);
use TAP::Harness;

use constant {
    JOBS         => $ENV{RD_JOBS} || 2,
    TAIL_LINES   => 200,            # of a failed file that is run again
    SAID_LINES   => 12,             # of what a failed test says
    FILE_S       => 600,            # a file takes a tenth of it
    CLEAN_UP_S   => 60,             # and then, before it is killed

    # free in the build folder: engines of their own unpack the desktop image
    ALL_KB_MIN   => 4 * 1024 * 1024,
    SOME_KB_MIN  => 1024 * 1024,
};

my $top = abs_path(dirname(__FILE__) . '/..');
chdir $top or die "$top: $!\n";

my @files = collect(@ARGV ? @ARGV : 't');
die "test: no .t file in @ARGV\n" if !@files;

need(@ARGV ? SOME_KB_MIN : ALL_KB_MIN);

my @serial = map { /^\s*([^#\s]+)/ ? $1 : () } lines('t/serial.txt');
my @first = map { /^\s*([^#\s]+)/ ? $1 : () } lines('t/first.txt');

@files = sort { is_first($b) <=> is_first($a) || $a cmp $b } @files;

my (@parallel, @alone);

for my $file (@files) {
    if (grep { $file =~ m{^\Q$_\E(?:/|$)} } @serial) {
        push @alone, $file;
    } else {
        push @parallel, $file;
    }
}

my ($passed, $failed, @broken, %said) = (0, 0);

for my $part ([JOBS, @parallel], [1, @alone]) {
    my ($jobs, @part) = @$part;
    next if !@part;

    my $harness = TAP::Harness->new({
        exec => [bounded()], jobs => $jobs, timer => 1,
        color => -t STDOUT ? 1 : 0, merge => 1,
    });

    $harness->callback(made_parser => \&listen);
    my $aggregator = $harness->runtests(@part);

    count($aggregator, @part);
}

again($_) for @broken;
complain($_) for @broken;

print "\n$passed passed, $failed failed\n";
exit($failed ? 1 : 0);


sub is_first {
    my ($file) = @_;

    return scalar grep { $file =~ m{(?:^|/)\Q$_\E$} } @first;
}


# A full disk would be told by a hundred tests, each in its own words.

sub need {
    my ($kb) = @_;

    my ($dir) = grep { defined && -d } $ENV{RD_BUILD}, "$top/build", $top;
    my ($free) = qx(df -Pk '$dir') =~ /\n\S+\s+\d+\s+\d+\s+(\d+)/;

    die sprintf "test: %s has %.1f GB of free disk, %d GB are needed\n", $dir,
                $free / 1024 / 1024, $kb / 1024 / 1024
        if defined $free && $free < $kb;
}


# How a file is run.  One that hangs is told to end, and named as any other that
# breaks off.

sub bounded {
    return ('timeout', '--foreground', '-k', CLEAN_UP_S,
            $ENV{RD_FILE_S} || FILE_S, $^X, "-I$top/t/lib");
}


# A file that died, or broke its plan, counts as one more failed test when
# none of its tests says so itself.

sub count {
    my ($aggregator, @part) = @_;

    for my $file (@part) {
        my ($parser) = $aggregator->parsers($file);
        my $bad = $parser->failed;

        $passed += $parser->passed;
        $failed += $bad;

        next if !$parser->has_problems;

        $failed++ if !$bad;
        push @broken, $file;
    }
}


# Keeps the name of a test that fails and what it says after it; of a file
# that breaks off, its last lines.

sub listen {
    my ($parser, $job) = @_;
    my $said = $said{$job->[0]} = { failed => [], last => [] };
    my $left = 0;

    $parser->callback(ALL => sub {
        my ($line) = @_;
        my ($failed, $last) = @$said{qw(failed last)};

        if ($line->is_test) {
            $left = $line->is_ok ? 0 : SAID_LINES;
            push @$failed, $line->as_string if $left;
        } elsif ($left-- > 0) {
            push @$failed, '    ' . $line->raw;
        }

        push @$last, $line->raw;
        shift @$last if @$last > SAID_LINES;
    });
}


sub complain {
    my ($file) = @_;
    my ($failed, $last) = @{ $said{$file} }{qw(failed last)};

    print "\n---- $file, the first time:\n";
    print "$_\n" for @$failed ? @$failed : @$last;
}


sub again {
    my ($file) = @_;

    print "\n---- $file, once more by itself ----\n";

    my $exec = join ' ', bounded();
    open my $out, '-|', "prove -v --exec '$exec' '$file' 2>&1" or return;
    my @lines = <$out>;
    close $out;

    splice @lines, 0, -TAIL_LINES if @lines > TAIL_LINES;
    print @lines;
}


sub collect {
    my @found;

    for my $path (@_) {
        die "test: $path: no such file or folder\n" if !-e $path;

        find({ no_chdir => 1, wanted => sub {
            push @found, $_ if /\.t$/ && -f;
        } }, $path);
    }

    s{^\./|^\Q$top\E/}{} for @found;
    my %seen;
    return sort grep { !$seen{$_}++ && !m{^t/lib/} } @found;
}


sub lines {
    my ($path) = @_;

    open my $file, '<', $path or return;
    return <$file>;
}
