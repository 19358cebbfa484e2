# What an engine may answer, and what it must not bring about.

use strict;
use warnings;

use Test::More;

use IO::Socket::UNIX;
use RD::DockerHost;
use RD::Driver;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

my $dir = RD::DockerHost::scratch("rdt-$$-0");
my $socket = "$dir/fake.sock";
my $id = 'a1' x 32;
my $secret = 'Zx8-planted';

my (@asked, @script, $served);

# a suite that dies must not leave an engine: it holds the runner's pipe open
my %engines;
END { kill KILL => keys %engines if %engines }

my $listen = IO::Socket::UNIX->new(Local => $socket, Listen => 10)
    or die "$socket: $!";

# ---- one answer --------------------------------------------------------------

my $inspect = qq({"Id":"$id","Name":"/rd-x","State":{"Status":"running",)
    . qq("Running":true},"Config":{"Labels":{"rd.site":"site",)
    . qq("rd.session":"s1","rd.epoch":"1"}},"NetworkSettings":{"Ports":{)
    . qq("5900/tcp":[{"HostIp":"127.0.0.1","HostPort":"49153"}],)
    . qq("6080/tcp":[{"HostIp":"127.0.0.1","HostPort":"49154"}]}}});

my @cases = (
    ['an honest answer', json(200, $inspect), 'ok', 'running'],
    ['an honest 404', json(404, '{"message":"No such container"}'), 'ok',
     'gone'],
    (map { ["a container that is $_->[0]", json(200, of_status($_->[0])), 'ok',
            $_->[1]] }
        ['exited', 'gone'], ['dead', 'gone'], ['removing', 'gone'],
        ['created', 'unknown'], ['paused', 'unknown'],
        ['restarting', 'unknown']),
    ['an answer in pieces of one byte', [split(//, json(200, $inspect))], 'ok',
     'running'],
    ['a chunked answer', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $inspect, $inspect), 'ok',
     'running'],
    ['an answer until the end', ["HTTP/1.1 200 OK\r\n\r\n$inspect", undef],
     'ok', 'running', 'given up'],
    ['no HTTP', "SSH-2.0-OpenSSH_9.2\r\n\r\n", 'docker_answer'],
    ['bytes', "\0\xff" x 2000 . "\r\n\r\n", 'docker_answer'],
    ['an endless head', "HTTP/1.1 200 OK\r\n" . "X: " . 'y' x 70_000,
     'docker_answer'],
    ['a body that is too long',
     "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
     'docker_answer'],
    ['a chunk that is too long', "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        . "chunked\r\n\r\nfffffffffffffffff\r\n", 'docker_answer'],
    ['two lengths', "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
        . "Content-Length: 3\r\n\r\n{}x", 'docker_answer'],
    ['an upgrade nobody asked for', "HTTP/1.1 101 Switching Protocols\r\n"
        . "Upgrade: tcp\r\nConnection: Upgrade\r\n\r\n", 'docker_answer'],
    ['half an answer',
     ["HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", undef],
     'docker_connect'],
    ['an end before the answer', [undef], 'docker_connect'],
    ['no JSON', json(200, '<html>'), 'docker_answer'],
    ['an empty body', json(200, ''), 'docker_answer'],
    ['a list', json(200, "[$inspect]"), 'docker_answer'],
    ['an id that leads elsewhere',
     json(200, $inspect =~ s{$id}{../../images/prune}r), 'docker_answer'],
    ['an id that is too long', json(200, $inspect =~ s/$id/$id$id/r),
     'docker_answer'],
    ['deep JSON', json(200, '[' x 100_000), 'docker_answer'],
    ['a failure', json(500, '{"message":"disk\n[alert] forged"}'),
     'docker_answer', undef, 'kept'],
    ['a redirect', "HTTP/1.1 301 Moved\r\nLocation: /x\r\n"
        . "Content-Length: 0\r\n\r\n", 'docker_answer', undef, 'kept'],
    ['silence', [''], 'docker_timeout'],
    ['an answer that stops', ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"],
     'docker_timeout'],
);

for my $case (@cases) {
    my ($name, $answer, $code, $state, $then) = @$case;
    $then //= $state ? 'kept' : 'given up';

    my $engine = engine(sub { $answer });
    my $driver = driver();
    my $ms = $code eq 'docker_timeout' ? 700 : 20000;
    my $a = $driver->ask('find', 'rd-x', $ms);

    is($a->{code}, $code, "$name: $code") or diag($a->{detail});
    is($a->{more}, $state // 'unknown', '... and ' . ($state // 'unknown'));
    cmp_ok($a->{ms}, '<', 5000, '... in time');
    is($driver->ask('connections')->{more}, $then eq 'kept' ? 1 : 0,
        "... the connection is $then");
    ok($driver->stop, '... no report of a sanitizer');
    end($engine);
}

{
    my $engine = engine(sub { json(500, '{"message":"a\n[alert] b\u001b["}') });
    my $driver = driver();
    my $a = $driver->ask('find', 'rd-x', 2000);
    like($a->{detail}, qr/answered 500: a\?\[alert\] b\?\[$/,
        'a message cannot begin a line of its own');
    ok($driver->stop, 'no report of a sanitizer');
    end($engine);
}

{
    my $engine = engine(sub { json(200, $inspect) . 'HTTP/1.1 200 OK' });
    my $driver = driver();
    is($driver->ask('find', 'rd-x', 2000)->{code}, 'ok', 'bytes behind');
    is($driver->ask('connections')->{more}, 0, '... end the connection');
    ok($driver->stop, 'no report of a sanitizer');
    end($engine);
}

{
    # one answer a connection, though it promised more
    my $engine = engine(sub { [json(200, $inspect), undef] });
    my $driver = driver();
    is($driver->ask('find', 'rd-x', 2000)->{code}, 'ok',
        "a connection that ends unannounced: call $_") for 1 .. 3;
    ok($driver->stop, 'no report of a sanitizer');
    end($engine);
}

# ---- a start -----------------------------------------------------------------

my $made = json(201, qq({"Id":"$id","Warnings":[]}));
my $none = "HTTP/1.1 204 No Content\r\n\r\n";
my $gone = json(404, '{"message":"No such container: rd-x"}');
my $fail = json(500, '{"message":"permission denied"}');
my $disk = json(500, '{"message":"no space left on device"}');
my $bind = json(500, '{"message":"driver failed programming external '
    . 'connectivity: bind: cannot assign requested address"}');
my $removed = "DELETE /containers/$id?force=true&v=true";

my $started = start_with(create => $made, start => $none, look => $inspect);
is($started->{code}, 'ok', 'a start') or diag($started->{detail});
is_deeply([@{ $started->{more} }{qw(id vnc web leftover)}],
    [$id, 49153, 49154, 0], '... and what it gives');
is_deeply($started->{asked}, ['POST /containers/create?name=rd-x',
    "POST /containers/$id/start", "GET /containers/$id/json"],
    '... by three requests');

undone('a container that cannot start', 'docker_refused', 0,
    create => $made, start => $fail, remove => $none);
undone('a container for which the disk is full', 'docker_disk_full', 0,
    create => $made, start => $disk, remove => $none);
undone('an address that cannot be bound', 'docker_ports', 0,
    create => $made, start => $bind, remove => $none);
undone('a container that is gone before it starts', 'docker_gone', 0,
    create => $made, start => $gone, remove => $gone);
undone('a container that ends at once', 'docker_refused', 0,
    create => $made, start => $none, remove => $none,
    look => of_status('exited'));
undone('ports that are not published', 'docker_ports', 0,
    create => $made, start => $none, remove => $none,
    look => $inspect =~ s/6080/6081/r);
undone('an engine that loses its mind', 'docker_answer', 0,
    create => $made, start => $none, remove => $none, look => '{}');
undone('a removal that fails as well', 'docker_refused', 1,
    create => $made, start => $fail, remove => $fail);
undone('a removal without an answer', 'docker_refused', 1,
    create => $made, start => $fail, remove => [undef]);
undone('a start without an answer', 'docker_timeout', 0,
    create => $made, start => [''], remove => $none);
undone('a create without an answer, found afterwards', 'docker_timeout', 0,
    create => [''], look => $inspect, remove => $none);
undone('a create without an id, found afterwards', 'docker_answer', 0,
    create => json(201, '{}'), look => $inspect, remove => $none);

my $a = start_with(create => [''], look => undef);
is($a->{code}, 'docker_timeout', 'a create without an answer');
is($a->{more}{leftover}, 1, '... may still come, and is mentioned');

$a = start_with(create => [''], look => $inspect =~ s/"s1"/"s2"/r);
is($a->{more}{leftover}, 1, "... and a stranger's container is no proof");
ok(!grep(/DELETE/, @{ $a->{asked} }), '... nor is it removed');

for my $label ('"rd.site":"site"', '"rd.epoch":"1"') {
    my $look = $inspect =~ s/\Q$label\E/$label =~ s{"$}{2"}r/er;
    $a = start_with(create => [''], look => $look);
    is($a->{more}{leftover}, 1, "... nor is another one than that of $label");
    ok(!grep(/DELETE/, @{ $a->{asked} }), '... which is not removed');
}

# a name that is taken until what has it is removed
for my $status ('dead', 'removing') {
    my @creates = (json(409, '{"message":"Conflict"}'), $made);
    my @looks = (of_status($status), $inspect);

    $a = start_with(create => sub { shift @creates },
        look => sub { shift @looks }, start => $none, remove => $none,
        ms => 20000);
    is($a->{code}, 'ok', "one of ours that is $status has the name")
        or diag($a->{detail});
    is_deeply($a->{asked}, ['POST /containers/create?name=rd-x',
        'GET /containers/rd-x/json', $removed,
        'POST /containers/create?name=rd-x', "POST /containers/$id/start",
        "GET /containers/$id/json"], '... and is replaced');
}

$a = start_with(create => json(409, '{"message":"Conflict"}'), look => undef);
is($a->{code}, 'docker_name_taken', 'a name that is taken by nobody');
cmp_ok($a->{ms}, '<', 3500, '... costs its deadline at most');
is($a->{more}{leftover}, 0, '... nothing was made');

$a = start_with(create => json(400, qq({"message":"bad env $secret"})));
is($a->{code}, 'docker_refused', 'a message that repeats the password');
unlike($a->{detail}, qr/$secret/, '... is not passed on');

is(scalar(grep { $_->{detail} =~ /$secret/ } @RD::seen), 0,
    'no detail holds the password');

close($listen);
RD::DockerHost::remove_scratch($dir);

done_testing();


# what came before the undoing, and that it came

sub undone {
    my ($name, $code, $leftover, %answers) = @_;

    my $a = start_with(%answers);

    is($a->{code}, $code, "$name: $code") or diag($a->{detail});
    is($a->{more}{leftover}, $leftover,
        '... ' . ($leftover ? 'is mentioned' : 'leaves nothing'));
    is($a->{asked}[-1], $removed, '... because it was asked to go');
}


sub start_with {
    my (%answers) = @_;

    my $engine = engine(sub {
        my ($request) = @_;

        my $what = $request =~ m{^POST /containers/create} ? 'create'
                 : $request =~ m{/start$} ? 'start'
                 : $request =~ /^DELETE/ ? 'remove' : 'look';

        # one answer for all, or one after the other
        my $answer = $answers{$what};
        $answer = $answer->() if ref $answer eq 'CODE';

        return $answer if $what ne 'look';
        return defined $answer ? json(200, $answer) : $gone;
    });

    my $driver = driver();
    my $a = $driver->ask('start', 'rd-x', 'site', 's1', 1, 'image',
        '127.0.0.1', $answers{ms} // 2000, "VNC_PASSWORD=$secret");

    $driver->stop or fail('a report of a sanitizer');
    end($engine);

    $a->{asked} = [split(/\n/, slurp("$dir/asked"))];
    push @RD::seen, $a;

    return $a;
}


# what is found, when it does not run

sub of_status {
    my ($status) = @_;

    return $inspect =~ s/"running","Running":true/"$status","Running":false/r;
}


sub driver {
    return RD::Driver->start(local => 1, docker_socket => $socket);
}


sub json {
    my ($status, $body) = @_;

    return "HTTP/1.1 $status X\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}


# A false engine: what $answer gives for a request is sent, piece by piece when
# it is a list; undef ends the connection.  An answer that is not whole leaves
# the client waiting.

sub engine {
    my ($answer) = @_;

    unlink "$dir/asked";

    my $pid = fork // die "fork: $!";
    return $engines{$pid} = $pid if $pid;

    %engines = ();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';

    while (my $client = $listen->accept) {
        next if fork;
        serve($client, $answer);
        POSIX::_exit(0);
    }
}


sub serve {
    my ($client, $answer) = @_;

    my $text = '';

    while (sysread($client, $text, 65536, length $text)) {

        while ($text =~ /^(\S+ \S+) HTTP.*?\r\n\r\n/s) {
            my ($head, $request) = ($&, $1);
            my $body = $head =~ /Content-Length: (\d+)/i ? $1 : 0;
            last if length $text < length($head) + $body;
            substr($text, 0, length($head) + $body, '');

            open(my $log, '>>', "$dir/asked") or die;
            syswrite($log, "$request\n");

            my $pieces = $answer->($request);

            for my $piece (ref $pieces ? @$pieces : $pieces) {
                return if !defined $piece;
                syswrite($client, $piece) if length $piece;
            }
        }
    }
}


sub end {
    my ($pid) = @_;

    delete $engines{$pid};

    kill 'KILL', $pid;
    waitpid($pid, 0);
}


sub slurp {
    my ($path) = @_;

    open(my $fh, '<', $path) or return '';
    local $/;

    return <$fh> // '';
}
