package RD::Secrets;

# Secrets of a run, and where they were looked for: files, Redis, containers,
# the command lines of every process while the run lasted.

use strict;
use warnings;

use Exporter qw(import);
use File::Find ();
use POSIX ();

use RD::Guard;
use RD::Place qw(prefix slurp spew);

our @EXPORT = qw(secret secret_names secrets_in secrets_in_log
                 secrets_in_files redis_dump watch_processes command_lines);

use constant LOOK_SECONDS => 0.1;      # between two looks at all processes

my (%secret, $watcher);


# A text that nobody may see, by a name that everybody may; the text again.

sub secret {
    my ($name, @texts) = @_;

    die "$name: too short to be looked for\n" if grep { length $_ < 8 } @texts;

    push @{ $secret{$name} }, @texts;
    return $texts[0];
}


sub secret_names { return sort keys %secret }


# The names of those that stand in a text; without => [names] is not asked for.

sub secrets_in {
    my ($text, %option) = @_;

    my %without = map { $_ => 1 } @{ $option{without} // [] };

    return grep {
        my $name = $_;
        !$without{$name} && grep { index($text, $_) >= 0 } @{ $secret{$name} };
    } sort keys %secret;
}


# The same in error.log: of its debug lines only ours count, since nginx prints
# every header there.

sub secrets_in_log {
    my ($log) = @_;

    return grep { RD::Guard::secret_complaints($log, @{ $secret{$_} }) }
           sort keys %secret;
}


# "file: name, ..." for every file of the run that holds one, but for the
# folder of what the programs were given (conf) and error.log.

sub secrets_in_files {
    my @found;

    File::Find::find({ no_chdir => 1, wanted => sub {
        return if !-f || m{^\Q@{[prefix()]}\E/conf/} || m{/error\.log$};

        my @names = secrets_in(slurp($_));
        push @found, substr($_, 1 + length prefix()) . ": @names" if @names;
    } }, prefix());

    return @found;
}


# All of a Redis: { key => its contents as text }.  call: a function that takes
# a command.

sub redis_dump {
    my ($call, %option) = @_;

    my %read = (
        string => sub { $call->('GET', $_[0]) },
        list   => sub { $call->('LRANGE', $_[0], 0, -1) },
        set    => sub { $call->('SMEMBERS', $_[0]) },
        zset   => sub { $call->('ZRANGE', $_[0], 0, -1) },
        hash   => sub { $call->('HGETALL', $_[0]) },
        stream => sub { $call->('XRANGE', $_[0], '-', '+') },
    );

    my %dump;

    for my $key (@{ $call->('KEYS', '*') }) {
        my $type = $call->('TYPE', $key);
        $dump{$key} = RD::Redis::flat($read{$type}->($key)) if $read{$type};
    }

    return \%dump;
}


# Begins to look at the command lines of all processes.

sub watch_processes {
    my $path = prefix() . '/conf/command-lines';

    spew($path, '');
    defined($watcher = fork) or die "fork: $!";
    return if $watcher;

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    open my $file, '>>:raw', $path or POSIX::_exit(1);
    $file->autoflush(1);

    my %seen;

    while (getppid != 1) {
        for my $dir (glob '/proc/[0-9]*') {
            my $line = slurp("$dir/cmdline");
            print $file "$line\n" if length $line && !$seen{$line}++;
        }

        select undef, undef, undef, LOOK_SECONDS;
    }

    POSIX::_exit(0);
}


# What was seen until now.

sub command_lines { return slurp(prefix() . '/conf/command-lines') }


END {
    local $?;           # waitpid would make it the exit code

    if ($watcher) {
        kill KILL => $watcher;
        waitpid $watcher, 0;
    }
}


1;
