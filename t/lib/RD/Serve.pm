package RD::Serve;

# Small servers for tests, each in a process of its own.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use POSIX ();

use RD::Client qw(websocket_accept);
use RD::Place qw(free_port wait_until);

our @EXPORT = qw(serve serve_desktop serve_tunnel stop_serving request_head
                 upgrade_of);

my %child;


# A server in a process of its own: handler is called with each connection in
# turn, and its number.  Returns the port; late => a file whose coming opens
# it; many => 1: each connection has a process, which ends with it.

sub serve {
    my ($handler, %option) = @_;

    my $port = $option{port} // free_port();
    my $listen = $option{late} ? undef : _listen($port);

    defined(my $pid = fork) or die "fork: $!";

    if ($pid == 0) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';

        wait_until(60, sub { -e $option{late} }) if $option{late};
        $listen //= _listen($port);

        for (my $n = 1; my $socket = $listen->accept; $n++) {
            $socket->autoflush(1);
            next if $option{many} && _fork_for($listen);
            eval { $handler->($socket, $n); 1 } or warn $@;
            close $socket;
            POSIX::_exit(0) if $option{many};
        }

        POSIX::_exit(0);
    }

    $child{$port} = $pid;
    return $port;
}


# true in the one who goes on listening

sub _fork_for {
    my ($listen) = @_;

    $SIG{CHLD} = 'IGNORE';
    return 1 if fork;

    close $listen;
    return 0;
}


# Ends one server, or all.

sub stop_serving {
    for my $port (@_ ? @_ : keys %child) {
        my $pid = delete $child{$port} or next;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}


# A desktop that greets, then echoes; before that it sends the head of the
# request as a text frame when the path asks for it (…?head).

sub serve_desktop {
    my (%option) = @_;

    return serve(sub {
        my ($socket) = @_;

        my $head = request_head($socket);
        my $more = $option{headers} // '';
        my $upgrade = upgrade_of($head, $more);

        if (!defined $upgrade) {
            my $body = $head;
            print $socket "HTTP/1.1 200 OK\r\n${more}Connection: close\r\n"
                . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
            return;
        }

        print $socket $upgrade
            . ($option{head} ? _frame(1, $head) : _frame(2, "RFB 003.008\n"));

        # until the other side goes
        1 while sysread $socket, my $bytes, 4096;
    }, %option);
}


# A desktop that upgrades, sends $begin, then does as $handler says.

sub serve_tunnel {
    my ($begin, $handler, %option) = @_;

    return serve(sub {
        my ($socket) = @_;

        print $socket upgrade_of(request_head($socket)) . $begin;
        $handler->($socket);
    }, %option);
}


# the head of the next request; less when the other side goes

sub request_head {
    my ($socket) = @_;

    my $head = '';

    while (defined(my $line = <$socket>)) {
        $head .= $line;
        last if $line eq "\r\n";
    }

    return $head;
}


# The answer to such a request that makes it a websocket, with $more lines;
# undef: it does not ask for one.

sub upgrade_of {
    my ($head, $more) = @_;

    my ($key) = $head =~ /^Sec-WebSocket-Key: (\S+)\r$/mi or return undef;

    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           . "Connection: Upgrade\r\n" . ($more // '')
           . 'Sec-WebSocket-Accept: ' . websocket_accept($key) . "\r\n\r\n";
}


sub _frame {
    my ($opcode, $data) = @_;

    my $len = length $data;

    return chr(0x80 | $opcode)
           . ($len < 126 ? chr $len : chr(126) . pack 'n', $len) . $data;
}


sub _listen {
    my ($port) = @_;

    return IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port,
        Proto => 'tcp', Listen => 64, ReuseAddr => 1) || die "port $port: $!";
}



END {
    local $?;           # waitpid would make it the exit code
    stop_serving();
}


1;
