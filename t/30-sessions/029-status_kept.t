# With a cache a player's page polls `status` without asking Redis, and is told
# the same.  Two workers share what is kept.

use RD 'no_plan';
use RD::Serve;
use RD::Site;
use Time::HiRes qw(time);

use constant POLLS => 20;

workers(2);

my $desktop = serve_desktop();
my $tag = 'rd:{' . RD::site() . '}:';

$RD::Site::Http .= "    rd_zone rd:1m;\n    rd_stale_max 1m;\n";

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

my ($ada, $bob) = (visitor('ada'), visitor('bob'));


sub status { return api($_[0], 'GET status')->{json} }


# ---- what is said ----------------------------------------------------------

give_desktop(2, $desktop, terminal_port => $desktop, ssh_port => 22,
             extensions_used => 1, for_gates => 1);

my $kept = kept_status($ada);
ok($kept, 'status asks nobody');

my $s = $kept->{session};
my $id = sprintf '%032x', 2;

is_deeply([@$s{qw(id state vnc_url)}],
          [$id, 'ready', '/remote-desktop/vnc/2/'], 'what desktop it is');
is_deeply($s->{modes}, [qw(desktop terminal ssh)], 'in what modes');
is_deeply([@{ $s->{timer} }{qw(extensions_used max_extensions)}], [1, 3],
          'how often it got more time');
ok(abs($s->{created_at} - time) < 60, 'since when');
ok(abs($s->{timer}{time_remaining} - 3600) < 60, 'for how long');
is_deeply($kept->{user}, { id => 2, name => 'ada' }, 'and who asks');

# the same by the record, asked for just now
redis('DEL', "${tag}ready:2");
my $before = RD::Site::desktops_asked();
redis('HSET', "${tag}session:$id", 'reason', '');
ok(wait_until(5, sub {
       my $now = status($ada);
       return if RD::Site::desktops_asked() == $before;
       $now->{session}{timer}{time_remaining}
           = $kept->{session}{timer}{time_remaining};
       is_deeply($now, $kept, 'Redis, asked again, says the same');
       return 1;
   }), 'after a change it is asked again');


# ---- who did something finds it --------------------------------------------

ok(kept_status($ada), 'it is kept again');
is(api($ada, 'POST extend')->{code}, 200, 'more time');
is_deeply([map { status($ada)->{session}{timer}{extensions_used} } 1 .. POLLS],
          [(2) x POLLS], 'more time: both workers know at once');

ok(kept_status($ada), 'it is kept again');
is(api($ada, 'POST destroy')->{code}, 200, 'Stop');
is_deeply([map { status($ada)->{session} } 1 .. POLLS], [(undef) x POLLS],
          'Stop: both workers know at once');


# ---- the clock -------------------------------------------------------------

my $end = int(1000 * time) + 3000;

give_desktop(3, $desktop, expires_ms => $end, for_gates => 1);
ok(wait_until(3, sub { status($bob)->{session} }), 'three seconds are left');
ok(wait_until(10, sub { !status($bob)->{session} }), 'and then none');
cmp_ok(1000 * time, '>=', $end - 50, 'not before');


# ---- Redis is away ---------------------------------------------------------

give_desktop(3, $desktop, for_gates => 1);
ok(kept_status($bob), 'kept once more');
own_redis()->stop;

is(status($bob)->{session}{id}, sprintf('%032x', 3),
   'without Redis the page says what was true');
is(api($bob, 'POST extend')->{code}, 503, 'but nothing can be done');
is(api($bob, 'GET creation-status')->{code}, 503, 'nor asked');

own_redis()->start;

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
