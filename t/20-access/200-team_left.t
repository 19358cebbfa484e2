# rd_team_access ends when the owner leaves the team: neither the players left
# behind nor those of a later team with the same id get into the desktop.

use RD 'no_plan';
use RD::Place ();
use RD::Serve;
use RD::Site;
use RD::Tunnel;
use RD::Visitor;

our $Zone //= '';

my $tag = 'rd:{' . RD::site() . '}:';
my $desktop = serve_desktop(many => 1);

$RD::Site::Http .= $Zone . "    rd_team_access on;\n";
add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
planted_secret('pLaNtEdV');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

my $ada = visitor('ada:2 team:9');
my $mate = visitor('mate:21 team:9');
my $other = visitor('other:23 team:8');
my $admin = visitor('admin');

give_desktop(2, $desktop, team_id => 9,
             account_tag => '2-' . RD::Visitor::CREATED);

# what the gate, auth-check and credentials answer a visitor

sub answers {
    my ($visitor) = @_;

    my $tunnel = tunnel($visitor, 2);
    my $gate = ref $tunnel ? '101' : $tunnel;
    $tunnel->close if ref $tunnel;

    return join ' ', $gate,
        api($visitor, 'GET auth-check', more => "X-User-Id: 2\n")->{code},
        api($visitor, 'GET credentials?user=2')->{code};
}

# a zone is told of changes, which takes a moment
sub comes_to {
    my ($visitor, $wanted, $name) = @_;

    my $said = '';
    RD::Place::wait_until(2, sub {
        $said = answers($visitor);
        return $said eq $wanted;
    });

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($said, $wanted, $name);
}

use constant { IN => '101 200 200', OUT => '403 403 403' };

sub team { redis('HSET', "${tag}user:2", 'team_id', $_[0]) }

comes_to($mate, IN, 'a teammate gets into the desktop');
comes_to($other, OUT, 'a player of another team does not');

my ($theirs, $own) = map { tunnel($_, 2) } $mate, $ada;

team('0');
told($theirs, 'close 4005 not allowed any more', 'the owner leaves the team');
comes_to($mate, OUT, 'the players left behind are refused');
comes_to($ada, IN, 'the owner keeps the desktop');
comes_to($admin, IN, 'an admin still gets in');

my $next = visitor('next:24 team:9');
comes_to($next, OUT, 'a player of the next team with the id is refused');

team('8');
comes_to($mate, OUT, 'with the owner in another team they are refused, too');
comes_to($other, OUT, 'and so is the team joined after the desktop was made');

team('');
comes_to($mate, OUT, 'no team at all is no team of theirs');

team('nonsense');
comes_to($mate, OUT, 'nor is a team that cannot be read');

team('9');
comes_to($mate, IN, 'the owner is back in the team, and so are they');

is(ref $own && $own->websocket_receive(0.5), 'silence',
   "the owner's tunnel outlives all that");
$own->close;

# what gates read of a ready session says the same as its record
give_desktop(2, $desktop, team_id => 9, for_gates => 1,
             account_tag => '2-' . RD::Visitor::CREATED);
comes_to($mate, IN, 'by the text for gates they get in');
team('0');
comes_to($mate, OUT, 'and are refused by it');
redis('DEL', "${tag}ready:2");

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
