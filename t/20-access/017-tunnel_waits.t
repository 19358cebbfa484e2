# Redis hangs while a tunnel is open, without a cache: it is asked in vain, time
# after time, which is nobody's word against the viewer.

use RD 'no_plan';
use RD::Place ();
use RD::Serve;
use RD::Site;
use RD::Tunnel;

$RD::Site::Http =~ s/(REDIS_SOCK);/$1 timeout=300ms;/g;
add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

my $desktop = serve_desktop(many => 1);
my $ada = visitor('ada');

give_desktop(2, $desktop);
my $tunnel = tunnel($ada, 2);
ok(ref $tunnel, 'a tunnel is open');

kill STOP => own_redis()->pid;
ok(wait_until(20, sub { error_log() =~ /rd redis own: suspect/ }),
   'Redis does not answer');
ok(wait_until(30, sub { error_log() =~ /rd redis own: connection lost/ }),
   'and is given up');
ok(wait_until(30, sub { tunnel($ada, 2) eq '503' }), 'nobody else goes in');
is($tunnel->websocket_receive(1), 'silence', 'who is inside stays');

kill CONT => own_redis()->pid;
ok(wait_until(30, sub {
       my $again = tunnel($ada, 2);
       return ref $again || $again ne '503';
   }), 'it answers again');
redis('HSET', 'rd:{' . RD::site() . '}:user:2', 'banned', 1);
is($tunnel->websocket_receive(20), 'close 4004 banned',
   'and what it says counts');
$tunnel->close;

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
