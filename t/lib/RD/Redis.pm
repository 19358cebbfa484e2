package RD::Redis;

# A private redis-server (unix socket and TCP, nothing kept on disk) and just
# enough of its protocol.

use strict;
use warnings;

use IO::Socket::UNIX;
use POSIX qw(WNOHANG);
use Text::ParseWords qw(shellwords);

use RD::Place qw(free_port prefix slurp socket_path spew wait_until);


# Nothing runs yet; port and socket are known from now on.

sub new {
    my ($class, $name, %option) = @_;

    return bless {
        name     => $name,
        port     => free_port(),
        socket   => socket_path("$name.sock"),
        password => $option{password},
        conf     => $option{conf} // '',
    }, $class;
}


sub port   { $_[0]{port} }
sub socket { $_[0]{socket} }
sub pid    { $_[0]{pid} }


sub start {
    my ($self) = @_;

    return $self if $self->running;

    my $dir = prefix();
    my $conf = "$dir/conf/$self->{name}.conf";

    spew($conf, <<"CONF");
bind 127.0.0.1
port $self->{port}
unixsocket $self->{socket}
dir $dir
save ""
appendonly no
daemonize no
enable-debug-command yes
logfile $dir/logs/$self->{name}.log
@{[ defined $self->{password} ? "requirepass $self->{password}" : '' ]}
$self->{conf}
CONF

    # a server older than 7 does not know this word
    if (`redis-server --version` =~ /v=[0-6]\./) {
        my $text = slurp($conf);
        $text =~ s/^enable-debug-command.*\n//m;
        spew($conf, $text);
    }

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        open STDOUT, '>', "$dir/logs/$self->{name}.out";
        open STDERR, '>&', \*STDOUT;
        exec 'redis-server', $conf
            or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    wait_until(10, sub {
        return 1 if !$self->running;
        my $pong = eval { $self->command('PING') };
        return defined $pong && $pong eq 'PONG';
    });

    die "redis-server $self->{name} did not start:\n"
        . slurp("$dir/logs/$self->{name}.log")
        . slurp("$dir/logs/$self->{name}.out")
        if !$self->running;

    return $self;
}


sub running {
    my ($self) = @_;

    return 0 if !$self->{pid};
    return 1 if waitpid($self->{pid}, WNOHANG) == 0;

    delete $self->{pid};
    return 0;
}


sub stop {
    my ($self, $signal) = @_;

    delete $self->{link};
    return if !$self->running;

    # a server that was stopped or sleeps in a script takes no TERM
    kill CONT => $self->{pid};
    kill $signal // 'TERM', $self->{pid};

    if (!wait_until(5, sub { !$self->running })) {
        kill KILL => $self->{pid};
        wait_until(5, sub { !$self->running });
    }

    unlink $self->{socket};
}


# One command; nil is undef, an array is a reference, an error dies.

sub command {
    my ($self, @argv) = @_;

    my $link = $self->{link} //= $self->_connect;

    my $text = '*' . @argv . "\r\n";
    for my $arg (@argv) {
        utf8::encode($arg) if utf8::is_utf8($arg);
        $text .= '$' . length($arg) . "\r\n$arg\r\n";
    }

    local $SIG{PIPE} = 'IGNORE';
    my $reply = eval {
        print $link $text or die "redis $self->{name}: $!\n";
        _read_reply($link);
    };

    if ($@) {
        delete $self->{link} if $@ !~ /^redis says /;
        die $@;
    }

    return $reply;
}


# The same, written as in redis-cli; "" and '' quote.

sub line {
    my ($self, $line) = @_;

    return $self->command(shellwords($line));
}


# A reply as one line of text, for comparing.

sub flat {
    my ($reply) = @_;

    return '(nil)' if !defined $reply;
    return $reply if ref $reply ne 'ARRAY';
    return join ' ', map { flat($_) } @$reply;
}


sub keys {
    my ($self) = @_;

    my @keys;
    my $space = $self->command('INFO', 'keyspace');

    for my $db ($space =~ /^db(\d+):/mg) {
        $self->command('SELECT', $db);
        push @keys, map { $db ? "$db/$_" : $_ }
                    @{ $self->command('KEYS', '*') };
    }

    $self->command('SELECT', 0);

    return sort @keys;
}


sub _connect {
    my ($self) = @_;

    my $link = IO::Socket::UNIX->new(Peer => $self->{socket})
        or die "redis $self->{name}: $!\n";

    if (defined $self->{password}) {
        local $self->{link} = $link;
        $self->command('AUTH', $self->{password});
    }

    return $link;
}


sub _read_reply {
    my ($link) = @_;

    my $line = <$link> // die "redis closed the connection\n";
    $line =~ s/\r\n$//;

    my $kind = substr $line, 0, 1, '';

    return $line if $kind eq '+' || $kind eq ':';
    die "redis says $line\n" if $kind eq '-';
    return undef if $line < 0;

    if ($kind eq '$') {
        my $n = read $link, my $text, $line + 2;
        die "redis closed the connection\n" if ($n // 0) != $line + 2;
        return substr $text, 0, $line;
    }

    die "redis speaks another language: $kind$line\n" if $kind ne '*';

    # an error inside an array (EXEC) is a value like the others
    return [ map { my $item = eval { _read_reply($link) };
                   $@ ? do { chomp(my $text = $@); $text } : $item }
             1 .. $line ];
}


1;
