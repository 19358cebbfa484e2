# A worker that leaves tells its viewers to connect again, before
# worker_shutdown_timeout cuts their tunnels without a word: after a reload, an
# upgrade of the binary and a graceful stop, and at once when nginx is stopped
# fast.

use RD 'no_plan';
use RD::Place qw(slow_factor wait_until);
use RD::Serve;
use RD::Site;
use RD::Tunnel;

use Time::HiRes qw(time);

my $desktop = serve_desktop();

# the first two bytes of a frame that never ends
my $stuck = serve_tunnel("\x82\x04abcd\x82\x7e", sub {
    my ($socket) = @_;
    1 while sysread $socket, my $bytes, 4096;
}, many => 1);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('main_config', "worker_shutdown_timeout 3s;\n");
    $block->set_value('redis', ready_session(2, $desktop)
                               . ready_session(3, $stuck));
});
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:warn|ready)/);
run_tests();

my ($ada, $bob) = (visitor('ada'), visitor('bob'));

use constant RESTART => 'close 1012 server restarts';

sub leaves {
    my ($what, $leave) = @_;

    my $tunnel = tunnel($ada, 2);
    ok(ref $tunnel, "$what: a tunnel is open");

    my $began = time;
    $leave->();
    is($tunnel->websocket_receive(20), RESTART, "$what: the viewer is told");
    cmp_ok(time - $began, '>', 1, "$what: not before it has to be");
    is($tunnel->websocket_receive(20), 'eof', "$what: and then it ends");
    $tunnel->close;
}

my $cut = tunnel($bob, 3);

leaves('a reload', sub { nginx()->reload });
is($cut->websocket_receive(20), 'eof',
   'a tunnel within a frame is cut: no frame would be one there');
$cut->close;

my $pid = nginx()->pid;

leaves('an upgrade of the binary, then a graceful stop', sub {
    kill USR2 => $pid;
    ok(wait_until(10, sub { (nginx()->pid // $pid) != $pid }),
       'there is a second master');
    kill QUIT => $pid;
});
ok(wait_until(20, sub { !-d "/proc/$pid" || !kill 0 => $pid }),
   'the first one leaves');

my $tunnel = tunnel($ada, 2);
$pid = nginx()->pid;
kill TERM => $pid;
is($tunnel->websocket_receive(20), RESTART,
   'a fast stop: the viewer is told at once');
is($tunnel->websocket_receive(20), 'eof', 'a fast stop: and then it ends');
$tunnel->close;
ok(wait_until(20, sub { !nginx()->running }), 'a fast stop: nginx is gone');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
