# A container that takes the connection and says nothing costs its viewer
# rd_handshake_timeout, not minutes, and the answer names the cause.

use RD 'no_plan';
use RD::Place qw(slow_factor);
use RD::Serve;
use RD::Site;
use RD::Tunnel;

use Time::HiRes qw(time);

pipe my $told, my $tell or die "pipe: $!";

# says when nginx has closed the connection
sub silent {
    my ($socket) = @_;

    1 while sysread $socket, my $bytes, 4096;
    syswrite $tell, "closed\n";
}

my $silent = serve(\&silent, many => 1);
my $half = serve(sub { print { $_[0] } "HTTP/1.1 1"; silent(@_) }, many => 1);
my $quick = serve_desktop();

my $config = $RD::Site::Config . $RD::Site::HttpGate;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $RD::Site::Http
                                     . "    rd_handshake_timeout 500ms;\n");
    $block->set_value('config', $config);
    $block->set_value('redis', ready_session(2, $silent)
                               . ready_session(3, $half)
                               . ready_session(4, $quick))
        if !defined $block->redis;
});
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/);
run_tests();

my %of = (2 => visitor('ada'), 3 => visitor('bob'), 4 => visitor('eve'));
my $open = tunnel($of{4}, 4);

sub handshake {
    my ($id, $more) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $headers = RD::Visitor::headers($of{$id}, 'GET') . ($more // '');

    $client->send(RD::Client::compose(
        "GET /remote-desktop/vnc/$id/websockify",
        $client->websocket_headers("Host: localhost\n$headers"), 'Upgrade'));

    my $began = time;
    my $res = $client->response(30, 'GET');
    $client->close;

    return ($res, time - $began);
}

for my $id (2, 3) {
    my ($res, $took) = handshake($id);

    is($res->{code}, 504, 'a container that is silent is a 504');
    like($res->{body}, qr/"code":"desktop_silent"/, 'which names the cause');
    is($res->{header}{connection}, 'close', 'and closes the connection');
    cmp_ok($took, '>', 0.4, 'not before its time is over');
    cmp_ok($took, '<', 2 + 3 * slow_factor(),
           sprintf 'but soon after (%.1f s)', $took);
    is(scalar <$told>, "closed\n", 'the container is let go');
}

my ($res) = handshake(2, "Accept: text/html\n");
like($res->{body}, qr/<p>The desktop did not answer in time/,
     'a browser gets a page');
is(scalar <$told>, "closed\n", 'once more');

$open->websocket_send('text', 'still here');
is($open->websocket_receive(0.5), 'silence',
   'a tunnel that is open has no such limit');
ok(!$open->{eof}, 'it is still open');
$open->close;

ok(error_log() =~ /\[warn\] .* rd gate: no answer to the WebSocket handshake/,
   'the log names the directive');

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
