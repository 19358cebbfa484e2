# Several look at one desktop, and one of them loses his right: his tunnels end
# within a second, with his reason, and nobody else's.

use RD 'no_plan';
use RD::Place ();
use RD::Serve;
use RD::Site;
use RD::Tunnel;

our $Zone //= "    rd_zone rd:1m;\n";

my $tag = 'rd:{' . RD::site() . '}:';
my $desktop = serve_desktop(many => 1);

$RD::Site::Http .= $Zone . "    rd_team_access on;\n"
                 . "    rd_require_verified on;\n";
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|user)/);

run_tests();


# Who looks at the desktop of user 2, each with a tunnel into it; of everybody
# in %ends it is told why it ends, the others stay.

sub change {
    my ($name, $open, $deed, %ends) = @_;

    ok(ref $open->{$_}, "$name: $_ is inside") for sort keys %$open;

    $deed->();

    for my $who (sort keys %ends) {
        told($open->{$who}, "close $ends{$who}", "$name: $who");
    }

    my @stay = grep { !$ends{$_} } sort keys %$open;
    my @ended = grep { $open->{$_}->websocket_receive(0.8) ne 'silence' } @stay;

    is("@ended", '', "$name: " . (@stay ? "@stay stay" : 'nobody is left'));
    $_->close for @{$open}{@stay};
}

sub user { redis('HSET', "${tag}user:$_[0]", @_[1 .. $#_]) }


give_desktop(2, $desktop, team_id => 9);
give_desktop(1, $desktop);

my ($admin, $ada) = map { visitor($_) } 'admin', 'ada team:9';
my ($mate, $max) = map { visitor($_) } 'mate:21 team:9', 'max:22 team:9';

change('the owner is banned',
    { owner => tunnel($ada, 2), mate => tunnel($mate, 2),
      admin => tunnel($admin, 2) },
    sub { user(2, banned => 1) },
    owner => '4004 banned', mate => '4005 not allowed any more',
    admin => '4005 not allowed any more');

is(tunnel($ada, 2), '403', 'the owner is banned: he does not come back');
is(tunnel($mate, 2), '403', 'the owner is banned: nor does his team');
is(tunnel($admin, 2), '403', 'the owner is banned: nor does an administrator');

user(2, banned => 0);

change('a member leaves the team',
    { owner => tunnel($ada, 2), mate => tunnel($mate, 2),
      other => tunnel($max, 2), admin => tunnel($admin, 2) },
    sub { user(21, team_id => 0) },
    mate => '4005 not allowed any more');

change('a member is banned',
    { owner => tunnel($ada, 2), mate => tunnel($max, 2) },
    sub { user(22, banned => 1) },
    mate => '4004 banned');

change('an admin is one no more',
    { owner => tunnel($ada, 2), admin => tunnel($admin, 2),
      'at home' => tunnel($admin, 1) },
    sub { user(1, type => 'user') },
    admin => '4005 not allowed any more');

user(1, type => 'admin');

change('an admin is banned',
    { owner => tunnel($ada, 2), admin => tunnel($admin, 2),
      'at home' => tunnel($admin, 1) },
    sub { user(1, banned => 1) },
    admin => '4004 banned', 'at home' => '4004 banned');

user(1, banned => 0);

my $two = visitor('ada team:9');

change('the owner logs out of one of two browsers',
    { owner => tunnel($ada, 2), second => tunnel($two, 2),
      admin => tunnel($admin, 2) },
    sub { ctfd_redis('DEL', "flask_cache_session$two->{sid}") },
    second => '4003 logged out');

change('the owner has another address, not verified',
    { owner => tunnel($ada, 2), admin => tunnel($admin, 2) },
    sub { user(2, verified => 0) },
    owner => '4005 not allowed any more');

user(2, verified => 1);

change('the desktop ends',
    { owner => tunnel($ada, 2), admin => tunnel($admin, 2),
      'at home' => tunnel($admin, 1) },
    sub { api($ada, 'POST destroy') },
    owner => '4002 stopped', admin => '4002 stopped');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
