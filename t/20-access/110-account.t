# A desktop belongs to an account, not to its user id: whoever gets the id next
# (accounts were reset, a new database, SQLite) does not get the desktop.

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
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


# what user $id is told of the desktop: status, gate, credentials, progress

sub told_of {
    my ($visitor, $id) = @_;

    my $tunnel = tunnel($visitor, $id);
    my $open = ref $tunnel ? '101' : $tunnel;
    $tunnel->close if ref $tunnel;

    my $status = api($visitor, 'GET status');
    my $has = $status->{code} ne '200' ? $status->{code}
              : $status->{json}{session} ? 'session' : 'null';

    return join ' ', $has, $open, api($visitor, 'GET credentials')->{code},
                     progress($visitor)->{status} // 'refused';
}

# the gate's cache is told of changes, which takes a moment
sub comes_to {
    my ($visitor, $id, $wanted, $name) = @_;

    my $said = '';
    RD::Place::wait_until(2, sub {
        $said = told_of($visitor, $id);
        return $said eq $wanted;
    });

    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is($said, $wanted, $name);
}

use constant {
    OWN     => 'session 101 200 ready',
    NOTHING => 'null 404 404 none',
    GONE    => '403 403 403 refused',
};

# asks until no answer needs Redis any more, with a zone
sub warm { $Zone and kept_status($_[0]) }

sub live { redis('ZADD', "${tag}live", 1, sprintf '%032x', $_[0]) }

sub state { redis('HGET', "${tag}session:" . sprintf('%032x', $_[0]), 'state') }


# ---- the id is used again, with records --------------------------------------

my $ada = visitor('ada:2 tag:2-100 team:9');
my ($mate, $admin) = map { visitor($_) } 'mate:21 team:9', 'admin';

give_desktop(2, $desktop, account_tag => '2-100', team_id => 9,
             login => RD::Visitor::digest('ada'));

comes_to($ada, 2, OWN, 'the account that asked for the desktop has it');
warm($ada);

{
    my %open = map { $_->[0] => tunnel($_->[1], 2) }
               [owner => $ada], [mate => $mate], [admin => $admin];

    ok(ref $open{$_}, "$_ is inside") for sort keys %open;

    my $nora = visitor('nora:2 tag:2-200 team:9');

    told($open{owner}, 'close 4003 logged out', 'the old owner');
    told($open{mate}, 'close 4002 stopped', 'a teammate of the old owner');
    told($open{admin}, 'close 4002 stopped', 'an admin in the old desktop');

    comes_to($nora, 2, NOTHING, 'the next account sees no desktop');
    is(tunnel($mate, 2), '404', 'a teammate finds none either');
    is(tunnel($admin, 2), '404', 'an admin finds none either');
    is(api($nora, 'POST extend')->{code}, 400, 'it cannot be extended');
    is(api($nora, 'POST destroy')->{code}, 400, 'it cannot be stopped');

    # what gates read of a ready session says the same as its record
    give_desktop(2, $desktop, account_tag => '2-100', for_gates => 1);
    comes_to($nora, 2, NOTHING, 'by the text for gates as by the record');
    redis('DEL', "${tag}ready:2");

    is(state(2), 'ready', 'a desktop that no index names is left as it is');
    live(2);
    ok(RD::Place::wait_until(5, sub { state(2) ne 'ready' }),
       'a live desktop of an account that has gone is ended unasked');
    is(redis('HGET', "${tag}session:" . sprintf('%032x', 2), 'reason'),
       'account_changed', 'and the reason is said');

    is(api($ada, 'GET status')->{code}, 401, 'the old login is one no more');
}


# ---- a changed password ------------------------------------------------------

{
    my $eve = visitor('eve:4 tag:4-100');

    give_desktop(4, $desktop, account_tag => '4-100',
                 login => RD::Visitor::digest('eve'));
    comes_to($eve, 4, OWN, 'eve has a desktop');
    warm($eve);

    my $again = visitor('eve_with_another_password:4 tag:4-100');
    comes_to($again, 4, OWN, 'with a tag it outlives a changed password');

    my $tagless = visitor('eve:4 notag');
    give_desktop(4, $desktop, login => RD::Visitor::digest('eve'));
    comes_to($tagless, 4, OWN, 'without a tag the password stands in');

    $tagless = visitor('eve_with_another_password:4 notag');
    comes_to($tagless, 4, NOTHING, 'which a changed password loses');
}


# ---- without records ---------------------------------------------------------

{
    my $una = visitor('una:31 norecord');

    give_desktop(31, $desktop, login => RD::Visitor::digest('una'));
    comes_to($una, 31, OWN, 'without records the login stands in');
    warm($una);

    my $tunnel = tunnel($una, 31);
    my $next = visitor('next:31 norecord');

    comes_to($next, 31, NOTHING, 'another login with the same id sees nothing');
    comes_to($una, 31, OWN, 'and does not end it by looking');

    # bound to nobody: made by an earlier release, or by a signed call
    give_desktop(31, $desktop);
    comes_to($next, 31, OWN, 'a desktop without a tag is that of its id');
    is(api($una, 'POST extend')->{code}, 200, 'until its owner extends it');
    comes_to($una, 31, OWN, 'then it is that of this login');
    comes_to($next, 31, NOTHING, 'and of no other');

    is(ref $tunnel && $tunnel->websocket_receive(0.8), 'silence',
       'an open tunnel of the login outlives all that');
    $tunnel->close;

    is(api($next, 'POST create')->{code}, 200,
       'the next account can create a desktop at once');
    isnt(state(31), 'ready', 'and the old one is ended');
    comes_to($una, 31, 'null 404 404 none', 'of the new one the old login '
                                            . 'hears nothing');
}


# ---- a record that is gone ---------------------------------------------------

{
    my $dan = visitor('dan:5');

    give_desktop(5, $desktop, account_tag => '5-' . RD::Visitor::CREATED);
    comes_to($dan, 5, OWN, 'dan has a record and a desktop');
    ok(RD::Place::wait_until(2, sub { redis('EXISTS', "${tag}known:5") }),
       'that there was a record is remembered');
    warm($dan);

    my %open = map { $_->[0] => tunnel($_->[1], 5) }
               [owner => $dan], [admin => $admin];

    redis('DEL', "${tag}user:5");
    told($open{owner}, 'close 4005 not allowed any more', 'the deleted user');
    told($open{admin}, 'close 4002 stopped', 'an admin in the desktop');

    comes_to($dan, 5, GONE, 'a record that was there and is gone refuses');
    is(api($dan, 'GET status')->{json}{code}, 'account_gone', 'which is said');
    is(api($dan, 'POST create')->{json}{code}, 'account_gone',
       'nothing can be created');
    is(() = error_log() =~ /account_gone.*record rd:\{test\}:user:5,/g, 1,
       'the log names the record, once');

    comes_to(visitor('dan:5'), 5, OWN, 'with the record all is as before');
}

{
    my $ivo = visitor('ivo:77 norecord');

    is(api($ivo, 'GET status')->{code}, 200,
       'a user who never had a record is a player');
    redis('SET', "${tag}records", 'all');
    ok(RD::Place::wait_until(10, sub {
           api($ivo, 'GET status')->{code} eq '403';
       }), 'not so on a site that keeps records of all');
    redis('DEL', "${tag}records");
}


# ---- the gate and the scripts have one rule ----------------------------------

my ($mine, $other) = map { RD::Visitor::digest($_) } 'kim', 'lee';

for my $case (
    # tag and login of the session, the record, what kim is told
    ['2-1', '',     'tag:60-1', 'NOTHING'],
    ['60-1', '',    'tag:60-1', 'OWN'],
    ['60-1', $mine, 'tag:60-1', 'OWN'],
    ['60-1', $other, 'tag:60-1', 'OWN'],
    ['60-2', $mine, 'tag:60-1', 'NOTHING'],
    ['', $mine,     'tag:60-1', 'OWN'],
    ['', $other,    'tag:60-1', 'NOTHING'],
    ['', '',        'tag:60-1', 'OWN'],
    ['60-1', $mine, 'notag',    'OWN'],
    ['60-1', $other, 'notag',   'NOTHING'],
    ['60-1', '',    'notag',    'NOTHING'],
    ['', $mine,     'notag',    'OWN'],
    ['', $other,    'notag',    'NOTHING'],
    ['', '',        'notag',    'OWN'],
    ['60-1', $mine, 'norecord', 'NOTHING'],
    ['', $mine,     'norecord', 'OWN'],
    ['', $other,    'norecord', 'NOTHING'],
    ['', 'x' x 16,  'norecord', 'NOTHING'],
    ['', '',        'norecord', 'OWN'],
    ['60-1', '',    'tag:' . 'x' x 65, 'NOTHING'],
) {
    my ($its_tag, $login, $record, $wanted) = @$case;
    my $kim = visitor("kim:60 $record");

    for my $text (0, 1) {
        redis('DEL', "${tag}ready:60");
        give_desktop(60, $desktop, account_tag => $its_tag || '""',
                     login => $login || '""', for_gates => $text);
        comes_to($kim, 60, __PACKAGE__->can($wanted)->(),
                 join ' ', 'tag', $its_tag || '-', 'login', $login || '-',
                 substr($record, 0, 20), $text ? '(text): ' : ':', $wanted);
    }
}

redis('DEL', "${tag}ready:60");

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
