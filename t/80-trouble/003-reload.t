# A reload with work in flight loses nothing.

use RD 'no_plan';
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|host|pace|seq|queue_reason)/,
           qr/\}:session:/);
workers(2);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};

run_tests();

my @who = map { visitor("player$_:" . (100 + $_)) } 1 .. 6;

for my $visitor (@who) {
    api($visitor, 'POST create');
    kill HUP => nginx()->pid;
}

for my $visitor (@who) {
    is(wait_progress($visitor, 'ready|failed', 40)->{status}, 'ready',
       "$visitor->{name} gets his desktop through all reloads");
}

is(scalar(my @all = $docker->containers), 6, 'there are six containers');

my $client = RD::Client->connect($RD::ServerPort, 5);
$client->send(RD::Client::compose(
    "GET /remote-desktop/vnc/$who[0]{id}/websockify",
    $client->websocket_headers("Host: localhost\n"
                               . RD::Visitor::headers($who[0], 'GET')),
    'close'));
is($client->response(20, 'GET')->{code}, 101, 'a tunnel is open');
like($client->websocket_receive(20), qr/RFB/, 'and greets');

kill HUP => nginx()->pid;
ok(wait_until(10, sub { error_log() =~ /gracefully shutting down/ }),
   'nginx reloads');

$client->websocket_send('binary', 'are you there?');
like($client->websocket_receive(20), qr/are you there\?/,
     'the tunnel goes on in the old worker');
$client->close;

api($_, 'POST destroy') for @who;
ok(wait_until(30, sub { !$docker->containers }), 'in the end nothing is left');
ok(wait_until(10, sub {
       !slots($host->{sshd}->address . ':' . $host->{sshd}->port);
   }), 'no slot either');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  cpu_limit: 0.1
  memory_limit: 64m
--- request
GET /remote-desktop/api/status
--- error_code: 401
