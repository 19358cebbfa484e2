# What administrators see and do, and that each deed is told.

use RD 'no_plan';
use RD::Events;
use RD::Serve;
use RD::Site;

our $Desktop = $ENV{TEST_NGINX_DESKTOP_PORT} = serve_desktop();

$RD::Site::Http .= "    rd_team_access on;\n";
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|live|expiry|warn|stopping|queue|lease|user)/,
           qr/\}:(?:session|slots|creates|pace|probe)/);
planted_secret('pLaNtEd8');

run_tests();

my $tag = 'rd:{' . RD::site() . '}:';
my $admin = visitor('admin');
my $ada = visitor('ada');

sub ready {
    my ($user, %more) = @_;

    give_desktop($user, $Desktop, host => '""', container => '""', %more);

    my $id = sprintf '%032x', $user;
    redis('ZADD', "${tag}live", 1000 * time, $id);
    return $id;
}

sub deeds {
    return grep { $_->{type} eq 'admin_action' }
        @{ admin_api($admin, 'GET events/recent?limit=2000')->{json}{events} };
}

sub post { return admin_api($admin, "POST $_[0]", @_[1 .. $#_]) }


# ---- who may ----------------------------------------------------------------

for my $what ('GET containers', 'GET hosts', 'GET explain?session=1',
              'POST kill', 'POST kill-all', 'POST extend', 'POST peek',
              'POST hosts/cordon', 'POST hosts/drain', 'POST hosts/activate')
{
    is(admin_api($ada, $what)->{json}{code}, 'admin_only',
       "$what: not for players");
}

is(http('POST /remote-desktop/admin/api/kill-all', visitor =>
        { %$admin, nonce => 'x' })->{code}, 403, 'nor without the CSRF token');
is(http('GET /remote-desktop/admin/api/kill', visitor => $admin)->{code}, 405,
   'nor by another method');
is(http('GET /remote-desktop/admin/api/status', visitor => $admin)->{code}, 404,
   'the paths of players are elsewhere');
is(http('GET /remote-desktop/api/containers', visitor => $admin)->{code}, 404,
   'and these are not among them');
is(scalar deeds(), 0, 'what was refused is no deed');


# ---- bodies -----------------------------------------------------------------

my $id = ready(2, username => '"<b>ada</b>"');

my @bad = (
    ['user_id=x', qr/^user_id must be an integer$/],
    ['user_id=-1', qr/^user_id must be an integer$/],
    ['user_id=99999999999999999999', qr/^user_id must be an integer$/],
    ['{"user_id":"2"}', qr/^user_id must be an integer$/],
    ['{"user_id":2.5}', qr/^user_id must be an integer$/],
    ['{"user_id":[2]}', qr/^user_id must be an integer$/],
    ['{"session":2}', qr/^session must be 32 hex digits$/],
    ['session=../../etc', qr/^session must be 32 hex digits$/],
    ['{}', qr/^user_id or session is missing$/],
    ['other=2', qr/^user_id or session is missing$/],
    ['[2]', qr/^the body must be one JSON object$/],
    ['{"user_id":2', qr/^the body must be one JSON object$/],
    ['x' x 20000, qr/^the body is longer than 16 KB$/],
);

for my $case (@bad) {
    my $res = post('kill', $case->[0]);
    my $short = substr $case->[0], 0, 30;

    is($res->{code}, 400, "$short: is refused");
    ok(($res->{json}{error} // '') =~ $case->[1], "$short: in clear words")
        or diag($res->{body});
}

like(post('kill', 'user_id=2', type => 'multipart/form-data; boundary=x')
         ->{json}{error}, qr/^the body must be application\/json or/,
     'another type is, too');
is(post('kill', 'user_id=77')->{json}{code}, 'no_session',
   'who has no session cannot lose it');
is(post('extend', 'user_id=77')->{code}, 404, 'nor be given time');
is(scalar deeds(), 0, 'none of this is a deed');


# ---- containers -------------------------------------------------------------

redis('HSET', "${tag}user:3", 'type', 'admin', 'banned', '1');
my $queued = ready(3, state => 'queued', expires_ms => 0, message => 'Queued');

my $all = admin_api($admin, 'GET containers');
my ($one, $two) = @{ $all->{json}{containers} };

is(scalar @{ $all->{json}{containers} }, 2, 'all live sessions are listed');
is($one->{session}, $id, 'by id');
is($one->{user_id}, 2, 'and user');
is($one->{username}, '<b>ada</b>', 'with his name as it is');
is($one->{state}, 'ready', 'state');
is($one->{vnc_url}, '/remote-desktop/vnc/2/', 'where it is seen');
is($one->{novnc_port}, $Desktop, 'port');
ok($one->{timer}{time_remaining} > 3500, 'time');
ok(abs($one->{created_at} - time) < 60, 'since when');
is($two->{timer}, undef, 'one that waits has no time yet');
ok($two->{is_admin} && $two->{is_banned}, 'flags are said');
ok($all->{body} !~ /pLaNtEd8/, 'a password never');


# ---- extend -----------------------------------------------------------------

my $res = post('extend', '{"user_id":2}');

is($res->{json}{timer}{extensions_used}, 1, 'an extension is given');
ok($res->{json}{timer}{time_remaining} > 4700, 'with its time');
post('extend', "session=$id") for 1 .. 2;
is(post('extend', 'user_id=2')->{json}{code}, 'max_extensions',
   'it is one of those he has');
is(post('extend', "session=$queued")->{json}{code}, 'not_ready',
   'one that waits cannot be extended');

my @deeds = deeds();
is(scalar @deeds, 3, 'three extensions, three deeds');
is($deeds[0]{user_id}, $admin->{id}, 'of the administrator');
is($deeds[0]{message}, 'admin admin extended session for <b>ada</b>', 'told');
is($deeds[0]{level}, 'info', 'as information');
is_deeply($deeds[0]{metadata}, { action => 'extend', target_id => 2,
                                 target => '<b>ada</b>' }, 'for machines, too');


# ---- peek: told by the gate, when he goes in --------------------------------

is(post('peek', 'user_id=2')->{json}{vnc_url}, '/remote-desktop/vnc/2/',
   'peek says where to look');
is(post('peek', 'user_id=3')->{json}{code}, 'not_ready', 'if there is one');
is(scalar deeds(), 3, 'and is no deed yet');

sub tunnel {
    my ($visitor, $user) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $more = $client->websocket_headers("Host: localhost\n"
        . RD::Visitor::headers($visitor, 'GET'));

    $client->send(RD::Client::compose(
        "GET /remote-desktop/vnc/$user/websockify", $more, 'close'));

    return ($client, $client->response(20, 'GET')->{code});
}

# one worker tells what he has seen in its order: who comes last is told last
ready(1);
ready(22, team_id => 9);
visitor('owner:22 team:9');

for my $case ([$ada, 2, 'the owner'], [$admin, 1, 'an administrator at home'],
              [visitor('mate:21 team:9'), 22, 'a member of the team'],
              [$admin, 2, 'an administrator elsewhere'])
{
    my ($client, $code) = tunnel(@$case[0, 1]);
    is($code, 101, "$case->[2] goes in");
    $client->websocket_receive(2);
    $client->close;
}

ok(wait_until(5, sub { deeds() > 3 }), 'which is told');
is(scalar deeds(), 4, 'of the last, and of nobody else');

my $peek = (deeds())[3];
is($peek->{metadata}{action}, 'peek', 'as a peek');
is($peek->{metadata}{target_id}, 2, 'at whom');
is($peek->{message}, 'admin admin viewing session for <b>ada</b>', 'in words');


# ---- kill -------------------------------------------------------------------

$res = post('kill', 'user_id=2');
is_deeply($res->{json}, { success => JSON::PP::true(), session => $id,
                          state => 'ended' }, 'a session is ended');
is(post('kill', "session=$id")->{code}, 404, 'once');

@deeds = deeds();
is(scalar @deeds, 5, 'one kill, one deed');
is($deeds[4]{level}, 'warning', 'as a warning');
is($deeds[4]{message}, 'admin admin manually killed session for <b>ada</b>',
   'told');
is((history_of($ada))[0]{reason}, 'admin_killed', 'history knows why');


# ---- kill-all ---------------------------------------------------------------

post('kill', "session=$queued");
post('kill', "user_id=$_") for 1, 22;
my @ids = map { ready($_) } 100 .. 139;

$res = post('kill-all');
is($res->{json}{killed}, 40, 'all are ended');
is_deeply([sort map { $_->{session} } @{ $res->{json}{sessions} }], \@ids,
          'each has its line');
is((grep { $_->{result} eq 'ended' } @{ $res->{json}{sessions} }), 40,
   'that says what became of it');
is(scalar @{ admin_api($admin, 'GET containers')->{json}{containers} }, 0,
   'none is left');

is(post('kill-all')->{json}{killed}, 0, 'a second time there is nothing');
ok(wait_until(5, sub { (deeds())[-1]{metadata}{killed_count} == 0 }),
   'which is told all the same');
is((deeds())[-2]{message}, 'admin admin killed all sessions (40 total)',
   'as the first time');


# ---- hosts ------------------------------------------------------------------

my ($host) = @{ admin_api($admin, 'GET hosts')->{json}{hosts} };

is($host->{context_name}, '192.0.2.1', 'hosts are listed');
is($host->{mode}, 'active', 'open ones');
is($host->{weight}, 1, 'with what hosts.yml says');
is($host->{active_containers}, 0, 'and what is on them');

is(post('hosts/cordon', 'host=nowhere')->{json}{code}, 'no_such_host',
   'an unknown host is none');
is(post('hosts/cordon')->{code}, 400, 'nor is no host');
is(post('hosts/drain', '{"host":"192.0.2.1","grace":"soon"}')->{code}, 400,
   'grace is in seconds');

for my $step (['cordon', 'cordoned', 'host_cordoned'],
              ['drain', 'draining', 'host_draining'],
              ['activate', 'active', 'host_activated'])
{
    is(post("hosts/$step->[0]", 'host=192.0.2.1&grace=60')->{code}, 200,
       "$step->[0] is done");
    is(admin_api($admin, 'GET hosts')->{json}{hosts}[0]{mode}, $step->[1],
       'and seen');

    my ($event) = grep { $_->{type} eq $step->[2] }
        @{ admin_api($admin, 'GET events/recent')->{json}{events} };
    is($event->{metadata}{admin_id}, $admin->{id}, 'and told, by whom');
}

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/admin/api/containers
--- error_code: 401
