package RD::Driver;

=head1 NAME

RD::Driver - the provider "docker" without nginx, one command at a time

=head1 SYNOPSIS

    use RD::Driver;

    my $driver = RD::Driver->start(hostname => '127.77.2.1', port => 2222,
        key_file => $sshd->key_file, known_hosts => $sshd->known_hosts);
    my $driver = RD::Driver->start(RD::Driver::over($sshd));

    my $a = $driver->ask('find', 'name', 2000);
    $a->{code};     # "ok", "ssh_timeout", ...
    $a->{ms};       # how long it took
    $a->{more};     # "running"; for start a hash: id vnc web leftover
    $a->{detail};

    $driver->stop;  # true when it ended well: no report of its sanitizer

The commands stand in t/40-docker/driver.c.  It is built with ASan and UBSan,
or with what RD_SANITIZE names ("thread").  env => {...} of start() gives it
other environment variables.

=cut

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use POSIX qw(:sys_wait_h);
use RD::DockerHost;
use RD::Place;
use Time::HiRes qw(time);

use constant {
    ANSWER_S => 60,
    END_S    => 20,
};

my $TOP = abs_path(dirname(__FILE__) . '/../../..');
my %alive;


sub start {
    my ($class, %opt) = @_;

    my $env = delete $opt{env} // {};
    my $program = program();

    pipe(my $their_in, my $our_out) or die "pipe: $!\n";
    pipe(my $our_in, my $their_out) or die "pipe: $!\n";

    my $errors = dirname($program) . "/$$-" . ++$RD::Driver::count . '.log';
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        # no agent and no home but those the test names
        delete @ENV{qw(SSH_AUTH_SOCK)};
        $ENV{HOME} = '/nonexistent';
        # libraries have no frame pointers, and a suppression needs the stack
        $ENV{ASAN_OPTIONS} = 'exitcode=99:detect_leaks=1'
            . ':fast_unwind_on_malloc=0';
        $ENV{UBSAN_OPTIONS} = 'halt_on_error=1:print_stacktrace=1';
        $ENV{LSAN_OPTIONS} = 'exitcode=99:print_suppressions=0';
        $ENV{TSAN_OPTIONS} = 'exitcode=99:second_deadlock_stack=1';
        $ENV{$_} = $env->{$_} for keys %$env;

        open(STDIN, '<&', $their_in);
        open(STDOUT, '>&', $their_out);
        open(STDERR, '>', $errors);
        close($our_out);

        exec('setpriv', '--pdeathsig', 'KILL', '--', $program,
            map { "$_=$opt{$_}" } sort keys %opt) or POSIX::_exit(127);
    }

    close($their_in);
    close($their_out);
    $our_out->autoflush(1);

    my $self = bless {
        pid => $pid, owner => $$, in => $our_in, out => $our_out,
        errors => $errors, text => '',
    }, $class;

    return $alive{$pid} = $self;
}


# how to reach the host of an RD::Sshd
sub over {
    my ($sshd) = @_;

    return (
        hostname => $sshd->address, port => $sshd->port,
        user => $sshd->user, key_file => $sshd->key_file,
        known_hosts => $sshd->known_hosts,
    );
}


sub ask {
    my ($self, @words) = @_;

    $self->say(@words);

    return $self->hear;
}


# ask in two halves: something may happen in between
sub say {
    my ($self, @words) = @_;

    $self->{starved} = $self->_starved;

    local $SIG{PIPE} = 'IGNORE';
    print { $self->{out} } "@words\n";

    $self->{command} = "@words";
}


sub hear {
    my ($self) = @_;

    my $until = time + ANSWER_S;

    while ($self->{text} !~ /\n/) {
        my $bits = '';
        vec($bits, fileno($self->{in}), 1) = 1;

        my $left = $until - time;
        $self->_dead("no answer in time") if $left <= 0;
        next if select($bits, undef, undef, $left) <= 0;

        sysread($self->{in}, $self->{text}, 65536, length $self->{text})
            or $self->_dead('it ended');
    }

    (my $line, $self->{text}) = split(/\n/, $self->{text}, 2);
    my ($code, $ms, $more, $detail) = split(/\t/, $line, 4);

    # what other programs took from it is not its time
    $ms -= int(1000 * ($self->_starved - $self->{starved}));

    if ($more =~ /=/) {
        $more = { map { split(/=/, $_, 2) } split(/ /, $more) };
    }

    return { code => $code, ms => $ms, more => $more, detail => $detail };
}


sub _starved {
    my ($self) = @_;

    return RD::Place::starved($self->{pid});
}


# true when it ended as it should
sub stop {
    my ($self) = @_;

    return 1 if !delete $alive{$self->{pid}};

    close($self->{out});

    my $until = time + END_S;

    while (waitpid($self->{pid}, WNOHANG) == 0) {
        kill 'KILL', $self->{pid} if time > $until;
        RD::DockerHost::nap();
    }

    my $good = $? == 0;
    my $errors = $self->errors;

    if (!$good || $errors ne '') {
        print STDERR map { "# driver: $_\n" } split(/\n/, $errors);
        print STDERR "# driver: wait status $?\n" if !$good;
    }

    unlink $self->{errors};

    return $good && $errors eq '';
}


sub errors {
    my ($self) = @_;

    open(my $fh, '<', $self->{errors}) or return '';
    local $/;

    return <$fh> // '';
}


sub _dead {
    my ($self, $why) = @_;

    # where its threads are, for whoever reads this
    for my $task (glob "/proc/$self->{pid}/task/*") {
        print STDERR map { "# driver: $_\n" } split(/\n/, join('',
            map { RD::Place::slurp("$task/$_") } qw(stat syscall stack)));
    }

    kill 'KILL', $self->{pid} if $why !~ /ended/;
    $self->stop;
    die "driver: \"$self->{command}\": $why\n";
}


# builds it when a source is newer; several test files may come here at once
sub program {
    my $kind = $ENV{RD_SANITIZE} // 'address,undefined';
    my $dir = ($ENV{RD_BUILD} // "$TOP/build") . '/driver/'
        . ($kind =~ s/,/-/gr);
    my $program = "$dir/driver";

    make_path($dir);

    my $own = "$TOP/t/40-docker/driver.c";
    my @sources = ($own, "$TOP/ngx_rd_ssh_pool.c",
        grep { !m{/ngx_rd_(?:resolve_)?job\.c$} } glob("$TOP/src/work/*.c"),
        glob("$TOP/src/base/*.c"));

    my @all = (@sources, glob("$TOP/*.h $TOP/src/*.h $TOP/src/*/*.h"));

    return $program if -x $program
        && !grep { (stat $_)[9] > (stat $program)[9] } @all;

    chomp(my $objs = `'$TOP/tools/headers.sh' '$dir'`);
    die "no nginx headers\n" if $? != 0;

    my $src = ($ENV{NGINX_SRC} // '/usr/share/nginx/src') . '/src';
    my $new = "$program.$$";

    my @command = ($ENV{CC} // 'gcc', qw(-g -O1 -fno-omit-frame-pointer
        -W -Wall -Wpointer-arith -Wno-unused-parameter -Werror),
        "-fsanitize=$kind",
        $kind =~ /undefined/ ? '-fno-sanitize-recover=all' : (),
        (map { "-I$src/$_" }
            qw(core event event/modules event/quic os/unix)),
        "-I$objs", '-Wl,--wrap=clock_gettime', @sources,
        qw(-lssh2 -lyaml -lcjson -lcrypto -lpthread), '-o', $new);

    system(@command) == 0 or die "the driver does not compile\n";
    rename($new, $program) or die "$program: $!\n";

    return $program;
}


END {
    local ($?, $@, $!);

    for my $driver (grep { $_->{owner} == $$ } values %alive) {
        kill 'KILL', $driver->{pid};
        waitpid($driver->{pid}, 0);
        unlink $driver->{errors};
    }
}

1;
