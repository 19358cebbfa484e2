# The master switch, and the warning before the time is over.

use RD 'no_plan';
use RD::Events;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
# the host is none: what was begun there is never seen to have gone
leave_keys(qr/\}:(?:last|owner|live|expiry|warn|queue|session|stopping|slots)/);

run_tests();

my $tag = 'rd:{' . RD::site() . '}:';
my ($admin, $ada, $bob) = map { visitor($_) } qw(admin ada bob);

sub kinds {
    return map { $_->{type} } @{ admin_api($admin,
        'GET events/recent?limit=2000')->{json}{events} };
}

is(admin_api($ada, 'POST disable')->{code}, 403, 'a player cannot switch');
is(admin_api($admin, 'POST disable')->{code}, 200, 'an administrator can');

my $res = api($ada, 'POST create');
is($res->{code}, 403, 'switched off: nobody starts a desktop');
is($res->{json}{code}, 'disabled', 'by name');
is($res->{json}{error}, 'Remote Desktop is currently disabled', 'in words');
is(progress($ada)->{status}, 'none', 'and nothing was begun');

is(admin_api($admin, 'POST enable')->{code}, 200, 'switched on again');
is(api($ada, 'POST create')->{code}, 200, 'a desktop may be started');
is((grep { $_ eq 'admin_action' } kinds()), 2, 'both deeds are told');
api($ada, 'POST destroy');


# ---- nearly over ------------------------------------------------------------

my $soon = 1000 * time + 120_000;

give_desktop(3, 1, expires_ms => $soon);
redis('ZADD', "${tag}warn", 1000 * time - 1, sprintf '%032x', 3);

ok(wait_until(10, sub { grep { $_ eq 'session_expiring' } kinds() }),
   'who has less than five minutes is warned');
is((grep { $_ eq 'session_expiring' } kinds()), 1, 'once');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
