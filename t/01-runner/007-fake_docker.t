# The engine that only pretends refuses what the real one would not understand,
# so that a herd of its containers proves something.

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP qw(decode_json encode_json);
use Test::More;
use Time::HiRes qw(time);

use RD::Client;
use RD::DockerHost;
use RD::Guard;
use RD::Place qw(prefix slurp socket_path top wait_until);

my $socket = socket_path('engine.sock');
my $record = prefix() . '/logs/requests';
my $pid = RD::DockerHost::spawn(prefix() . '/logs/engine.log', 'python3',
    top() . '/t/fake/docker.py', $socket, '--start-ms', 200, '--start-max', 2,
    '--record', $record);

# its socket is there a moment before anybody takes what comes to it
ok(wait_until(15, sub { IO::Socket::UNIX->new(Peer => $socket) }),
   'the engine listens');

my %spec = (
    Image => 'rd-test-desktop:latest',
    Env => ['VNC_PASSWORD=pLaNtEd8'],
    Labels => { 'rd.site' => 'test', 'rd.session' => '7f3a' },
    ExposedPorts => { '6080/tcp' => {} },
    HostConfig => {
        Memory => 64 << 20,
        PortBindings => { '6080/tcp' => [ { HostIp => '127.0.0.1',
                                            HostPort => '' } ] },
    },
);


sub connected {
    my $peer = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!\n";
    return bless { socket => $peer, in => '', eof => 0 }, 'RD::Client';
}

sub send_on {
    my ($client, $line, $body, @more) = @_;

    my ($method) = $line =~ /^(\S+)/;

    push @more, 'Content-Type: application/json' if ref $body;
    $body = encode_json($body) if ref $body;
    push @more, 'Content-Length: ' . length($body // '') if $method eq 'POST';

    $client->send(join "\r\n", "$line HTTP/1.1", 'Host: docker', @more, '',
                  $body // '');
}

# one request on a connection of its own: status and JSON

sub ask {
    my ($line, $body, @more) = @_;

    my $client = connected();

    send_on($client, $line, $body, @more);
    my $res = $client->response(10, $line =~ /^(\S+)/);

    return ($res->{code}, eval { decode_json($res->{body}) } // $res->{body});
}

sub status_of { return (ask(@_))[0] }

sub create { return ask("POST /containers/create?name=$_[0]", $_[1] // \%spec) }


# ---- what it is asked for --------------------------------------------------

is(status_of('GET /_ping'), 200, 'it answers a ping');
is(status_of('GET /v1.41/version'), 200, 'also with a version in the path');
cmp_ok((ask('GET /info'))[1]{NCPU}, '>', 0, 'it has processors');
is(status_of('GET /images/rd-test-desktop:latest/json'), 200, 'and one image');
is(status_of('GET /images/other:1/json'), 404, 'but no other');

my ($code, $made) = create('one');
is($code, 201, 'a container is created');
like($made->{Id}, qr/^[0-9a-f]{64}$/, 'and has an id');
like((create('one'))[1]{message}, qr/already in use by container "$made->{Id}"/,
     'a second of its name is a conflict');

is(status_of('POST /containers/one/start'), 204, 'it is started');
is(status_of('POST /containers/one/start'), 304, 'once');

my $seen = (ask('GET /containers/one/json'))[1];
my $port = $seen->{NetworkSettings}{Ports}{'6080/tcp'}[0]{HostPort};

ok($seen->{State}{Running}, 'it runs');
cmp_ok($port // 0, '>', 0, 'at a port of its own');

my $visitor = RD::Client->connect($port, 5);
$visitor->send(RD::Client::compose('GET /websockify',
    $visitor->websocket_headers("Host: 127.0.0.1:$port"), 'close'));
my $hello = $visitor->response(20, 'GET');

ok($visitor->websocket_accepted($hello), 'its desktop takes a WebSocket');
like($visitor->websocket_receive(20), qr/^binary RFB 003\.008/, 'and greets');

sub listed {
    my ($filters) = @_;

    my $text = encode_json($filters) =~ s/([^\w])/sprintf '%%%02X', ord $1/ger;

    return join ' ', map { $_->{Names}[0] }
           @{ (ask("GET /containers/json?all=1&filters=$text"))[1] };
}

is(listed({ label => ['rd.site=test'] }), '/one', 'a list finds it by a label');
is(listed({ label => ['rd.site=other'] }), '', 'and not by another one');

is(status_of('DELETE /containers/one'), 409, 'what runs is not removed');
is(status_of('DELETE /containers/one?force=true&v=true'), 204, 'but by force');
is($visitor->websocket_receive(20), 'eof', 'and its visitors go');
is(status_of('GET /containers/one/json'), 404, 'then it is gone');


# ---- what it refuses -------------------------------------------------------

sub spoilt {
    my (%other) = @_;

    return { %spec, %other };
}

my %host = %{ $spec{HostConfig} };

# without these faults it would be taken
is((create('two'))[0], 201, 'taken: a whole container');
is(status_of('DELETE /containers/two'), 204, 'and removed again');

for my $case (
    ['an unknown field', 'two', spoilt(Bla => 1)],
    ['an unknown field of the host', 'two',
     spoilt(HostConfig => { %host, Bla => 1 })],
    ['a number for a text', 'two', spoilt(Hostname => 7)],
    ['a text for a number', 'two',
     spoilt(HostConfig => { %host, Memory => '64m' })],
    ['too little memory', 'two',
     spoilt(HostConfig => { %host, Memory => 1 })],
    ['a variable without a value', 'two', spoilt(Env => ['X'])],
    ['a port that is not exposed', 'two', spoilt(ExposedPorts => {})],
    ['a name with a slash', '..%2Fa', \%spec],
    ['no name', '', \%spec],
    ['a name of one letter', 'a', \%spec],
) {
    my ($what, $name, $spec) = @$case;
    is((create($name, $spec))[0], 400, "refused: $what");
}

is((create('two', spoilt(Image => 'other:1')))[0], 404,
   'refused: no such image');
is(status_of('POST /containers/create?name=two', '{}'), 400,
   'refused: a body of no type');
is(status_of('GET /containers/json?all=1&all=1'), 400,
   'refused: a parameter twice');
is(status_of('GET /containers/json?bla=1'), 400,
   'refused: an unknown parameter');
is(status_of('GET /containers/json?filters=x'), 400, 'refused: a bad filter');
is(status_of('PUT /containers/one'), 405, 'refused: another method');
is(status_of('GET /nothing'), 404, 'refused: another path');
is(status_of('GET /_ping', undef, 'Host: twice'), 400,
   'refused: a header twice');
is(status_of('POST /containers/none/start'), 404, 'refused: no container');


# ---- keepalive, and two starts at a time -----------------------------------

my $kept = connected();

for my $n (1 .. 3) {
    send_on($kept, 'GET /_ping');
    is($kept->response(20, 'GET')->{body}, 'OK',
       "request $n of one connection");
}

my @four = map { "four$_" } 1 .. 4;
create($_) for @four;

my $begun = time;
my @starts = map { my $client = connected();
                   send_on($client, "POST /containers/$_/start");
                   $client } @four;

is((grep { $_->response(40, 'POST')->{code} == 204 } @starts), 4,
   'four are started at once');
cmp_ok(time - $begun, '>=', 0.4, 'two at a time');

my @lines = map { decode_json($_) } split /\n/, slurp($record);

ok((grep { $_->{request} eq 'POST /containers/four1/start'
           && $_->{status} == 204 } @lines), 'it has written down what it was '
                                             . 'asked');
unlike(slurp($record), qr/pLaNtEd8/, 'without the password');

kill TERM => $pid;
ok(wait_until(10, sub { waitpid($pid, POSIX::WNOHANG()) != 0 }),
   'and it ends when it is told to');
is($? >> 8, 0, 'in peace');
is_deeply([RD::Guard::process_complaints([])], [], 'nothing is left');

RD::Place::leave(!Test::More->builder->is_passing);
done_testing();
