# Redis hangs: what is known is as old as its last word, not as the moment in
# which it was given up.

use RD 'no_plan';
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop();

# it is given up after more than two seconds without a word
$RD::Site::Http =~ s/(REDIS_SOCK);/$1 timeout=300ms;/g;
$RD::Site::Http .= "    rd_zone rd:1m;\n    rd_stale_max 2s;\n";
$RD::Site::Config .= $RD::Site::HttpGate;

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

my $ada = visitor('ada');

sub get { return http('GET /http/2/', visitor => $ada, timeout => 20)->{code} }

give_desktop(2, $desktop);

ok(wait_until(10, sub {
       my $mark = length error_log();
       get();
       return substr(error_log(), $mark) =~ /decided at once, ok/;
   }), 'one is known');

kill STOP => own_redis()->pid;
ok(wait_until(20, sub { error_log() =~ /own tracking: connection lost/ }),
   'Redis has said nothing for too long');
is(get(), 503, 'what it last said is too old by then');

kill CONT => own_redis()->pid;
ok(wait_until(20, sub { get() == 200 }), 'it says something again');

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
