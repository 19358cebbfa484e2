package RD::Guard;

# What must hold after every test file, whatever it tested.  Each function
# returns complaints, one sentence each.

use strict;
use warnings;

use RD::Place qw(prefix slurp wait_until);

our $GoneSeconds = 15;        # for what is just ending

# a memory checker's words, wherever they were written
my $sanitizer = qr/runtime\ error:
                 | (?:Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer
                 | ERROR\ SUMMARY:\ [1-9]
                 | ==\d+==\ (?:Invalid|Conditional|Use\ of|Syscall|Mismatched
                               |Source\ and|Process\ terminating)/x;


# emerg_allowed: text ranges [from, to) of error.log in which a start was
# meant to fail.

sub log_complaints {
    my ($log, $side, $emerg_allowed) = @_;

    my @complaints;
    my $at = 0;

    for my $line (split /^/, $log) {
        my $from = $at;
        $at += length $line;

        my $fault = $line =~ /\[alert\]/ ? 'an alert'
                  : $line =~ /\[emerg\]/ ? 'an emergency'
                  : $line =~ /exited on signal/ ? 'a crash'
                  : $line =~ $sanitizer ? 'a memory fault'
                  : next;

        next if $fault eq 'an emergency'
                && grep { $from >= $_->[0] && $from < $_->[1] } @$emerg_allowed;

        chomp $line;
        push @complaints, "error.log holds $fault: $line";
    }

    for my $line (split /^/, $side) {
        next if $line !~ $sanitizer;
        chomp $line;
        push @complaints, "a checker found a memory fault: $line";
    }

    return @complaints;
}


# nginx itself logs every request header at debug level, so at that level only
# the lines of our own grammar ("rd <noun>...") are looked at.

sub secret_complaints {
    my ($log, @secrets) = @_;

    my @complaints;
    my %seen;

    for my $line (split /\n/, $log) {
        next if $line =~ /\[debug\]/
                && $line !~ /^\S+ \S+ \[debug\] \S+ (?:\*\d+ )?rd /;

        for my $secret (@secrets) {
            next if index($line, $secret) < 0 || $seen{$secret}++;
            (my $shown = $line) =~ s/\Q$secret\E/<SECRET>/g;
            push @complaints, "error.log holds a secret: $shown";
        }
    }

    return @complaints;
}


# Processes this file started or that hold its folder open.

sub left_processes {
    my ($except) = @_;

    my %except = map { $_ => 1 } $$, @$except;
    my @left;

    for my $dir (glob '/proc/[0-9]*') {
        my ($pid) = $dir =~ /(\d+)$/;
        next if $except{$pid};

        my $stat = slurp("$dir/stat");
        next if $stat !~ /^\d+ \((.*)\) (\S) (\d+) /s || $2 =~ /[ZX]/;

        push @left, $pid if _is_ours($dir);
    }

    return @left;
}


sub process_complaints {
    my ($except) = @_;

    wait_until($GoneSeconds, sub { !left_processes($except) });

    my @complaints;

    for my $pid (left_processes($except)) {
        (my $command = slurp("/proc/$pid/cmdline")) =~ tr/\0/ /;
        push @complaints, "process $pid was left: $command";
        kill KILL => $pid;
    }

    return @complaints;
}


# What the module keeps for a while by design is no leftover.

sub key_complaints {
    my ($redis, $ours, $allowed) = @_;

    my %ours = map { $_ => 1 } @$ours;

    return map { "redis key was left: $_" }
           grep { my $key = $_; !grep { $key =~ $_ } @$allowed }
           grep { !$ours{$_} && !/\}:(?:story|rate|host|sweep|viewers):/
                  && !/\}:(?:events|history|viewers)$/ } $redis->keys;
}


sub _is_ours {
    my ($dir) = @_;

    my $mark = "RD_TEST_MARK=$RD::Place::Mark\0";
    return 1 if index(slurp("$dir/environ"), $mark) >= 0;

    # nginx writes its title over its environment, but keeps its log open
    my $prefix = prefix();

    return grep { (readlink($_) // '') =~ /^\Q$prefix\E\// }
           glob "$dir/fd/* $dir/cwd $dir/exe";
}


1;
