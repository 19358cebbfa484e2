# What the pages say when the gate says no, in a real browser: that all is
# switched off, and comes back by itself; and where one logs in.

use RD 'no_plan';
use RD::Browser;
use RD::Events;
use RD::Serve;
use RD::Site;
use RD::Tunnel;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|user)/, qr/^flask_cache_session/);
workers(2);

serve_pages();
ok(start_login(RD::own_redis()->socket, site()), 'the login is there');

run_tests();

# the stand-in has an admin of its own
my $admin = visitor('boss:50 admin');

# it greets and never paints: the pages are looked at, not a desktop
give_desktop(2, serve_desktop(many => 1,
    headers => "Sec-WebSocket-Protocol: binary\r\n"));

# each WebSocket that was let in; they are decided anew while they are open
sub entries {
    my $log = error_log();
    return scalar(() = $log =~ /rd access: decided.*, ok, desktop of:2\b/g);
}

my $ada = browser(USER => 'ada', OWNER => 2, HOLD => 'viewer,off',
                  STEPS => 'login,viewer,off,logout');

ok(step($ada, 'viewer'), 'the page of a desktop is open');
ok(wait_until(30 * RD::Place::slow_factor(), sub { entries() >= 2 }),
   'it and the frame of the overview have been let in');

is(admin_api($admin, 'POST disable')->{code}, 200, 'all is switched off');
go_on($ada);
is(step($ada, 'off')->{title}, 'Remote desktops are switched off',
   'the page says so');

my $before = entries();

is(admin_api($admin, 'POST enable')->{code}, 200, 'and on again');
ok(wait_until(30 * RD::Place::slow_factor(),
              sub { entries() >= $before + 2 }),
   'both come back, and nobody has pressed anything');

go_on($ada);
is(step($ada, 'logout')->{href}, 'https://ctf.example/login?then=desktop',
   'who is logged out is sent where rd_login_url says');

ok(step($ada, 'done'), 'that is all');
ok(!$ada->{said}{pageerror}, 'no page had an error');

__DATA__

=== TEST 1: the site is there
--- http_config eval
$RD::Site::Http . $RD::Browser::Http
. "    rd_login_url https://ctf.example/login?then=desktop;\n    rd_zone rd:1m;\n"
--- config eval
$RD::Browser::Config
--- request
GET /remote-desktop
--- response_body_like: <title>
