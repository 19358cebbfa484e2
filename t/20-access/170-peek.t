# Who may watch another user's desktop, and with which password: the view-only
# one, never the owner's.

use RD 'no_plan';
use RD::Events;
use RD::Site;

$RD::Site::Http .= "    rd_team_access on;\n";
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|events|user|session)/);
planted_secret('pLaNtEd8');
planted_secret('pLaNtEdV');

run_tests();

my $tag = 'rd:{' . site() . '}:';
my $admin = visitor('admin');
my $ada = visitor('ada:22 team:9');
my $mate = visitor('mate:21 team:9');
my $other = visitor('other:23 team:8');

sub credentials {
    my ($visitor, $of) = @_;

    return api($visitor, "GET credentials?user=$of");
}

sub given {
    return grep { ($_->{metadata}{action} // '') eq 'view_password' }
        @{ admin_api($admin, 'GET events/recent')->{json}{events} };
}

give_desktop(22, 1, team_id => 9, ssh_port => 4022,
             public_host => 'play.example.com');
my $id = sprintf '%032x', 22;


# ---- who gets what ----------------------------------------------------------

my %watch = (vnc_password => 'pLaNtEdV', view_only => JSON::PP::true(),
             user => { id => 22, name => 'user22' });

is_deeply(credentials($admin, 22)->{json}, \%watch,
          'an administrator gets the view-only password and a name');
is_deeply(credentials($mate, 22)->{json}, \%watch,
          'a member of the team gets the same, and no SSH');
is(credentials($other, 22)->{json}{code}, 'forbidden',
   'another player is refused');
is(http("GET /remote-desktop/api/credentials?user=22")->{code}, 401,
   'a visitor who is not logged in is refused');

for my $name ('credentials', 'credentials?user=22') {
    my $own = api($ada, "GET $name")->{json};

    is($own->{vnc_password}, 'pLaNtEd8', "the owner asks $name for her own");
    ok(!exists $own->{view_only}, 'which is not view-only');
}

is(credentials($admin, $_)->{json}{code}, 'not_found', "user=$_ is no user")
    for '', 0, 'x', '22x', '99999999999999999999';
is(credentials($admin, 7)->{json}{code}, 'no_session',
   'a user without a desktop cannot be watched');


# ---- the audit --------------------------------------------------------------

ok(wait_until(5, sub { scalar(given()) }), 'an event tells of it');

my @given = given();
is(scalar @given, 1, 'of the administrator alone');
is($given[0]{metadata}{target_id}, 22, 'with the owner');
is($given[0]{message},
   'admin admin was given the view-only password for user22', 'in words');
ok((grep { /view-only password given, desktop of:22 user:21/ }
    split /\n/, error_log()), 'the log tells of the member of the team');


# ---- the decision is the gate's ---------------------------------------------

redis('HSET', "${tag}user:22", 'banned', 1);
is(credentials($admin, 22)->{json}{code}, 'forbidden',
   "a banned owner's desktop is shown to nobody");
redis('HSET', "${tag}user:22", 'banned', 0);

is(admin_api($admin, 'POST disable')->{code}, 200, 'desktops are switched off');
is(credentials($mate, 22)->{json}{code}, 'disabled', 'the team is refused');
is(credentials($admin, 22)->{code}, 200, 'an administrator is not');
is(admin_api($admin, 'POST enable')->{code}, 200, 'desktops are on again');

redis('HDEL', "${tag}session:$id", 'view_password');
is(credentials($admin, 22)->{json}{code}, 'view_not_offered',
   'a session of an earlier release has no such password');

redis('HSET', "${tag}session:$id", 'expires_ms', 1);
is(credentials($admin, 22)->{json}{code}, 'expired',
   'nor can an expired one be watched');

redis('DEL', "${tag}session:$id", "${tag}switch");

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
