# The master switch at the gate: players stay outside, and those who are inside
# are told and go, until it is on again.  Administrators do not notice it.

use RD 'no_plan';
use RD::Events;
use RD::Serve;
use RD::Site;
use RD::Tunnel;

our $Zone //= "    rd_zone rd:1m;\n";

my $switch = 'rd:{' . RD::site() . '}:switch';

$RD::Site::Http .= $Zone . "    rd_team_access on;\n";
$RD::Site::Config .= <<'END';
        location ~ ^/http/(\d+)/ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend;
        }
END

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|user)/);
workers(2);

run_tests();

my ($admin, $ada, $bob) = map { visitor($_) } qw(admin ada bob);
my $mate = visitor('mate:21 team:9');

# as many as there are tunnels: each takes its connections in turn
my @servers = map { serve_desktop() } 1 .. 4;
my $http = serve_desktop();

sub get {
    my ($visitor, $id) = @_;

    return http("GET /http/$id/", visitor => $visitor)->{code};
}

sub becomes {
    my ($code, $visitor, $id, $name) = @_;

    ok(wait_until(1,
                  sub { get($visitor, $id) == $code }), $name);
}


# ---- by the API -------------------------------------------------------------

give_desktop(2, $servers[0]);
give_desktop(3, $servers[1]);
give_desktop(4, $servers[2], team_id => 9);
visitor('eve team:9');
give_desktop(5, $servers[3]);
give_desktop(6, $http);

my $eve = visitor('eve:6');
my %open = (ada => tunnel($ada, 2), bob => tunnel($bob, 3),
            mate => tunnel($mate, 4), admin => tunnel($admin, 5));

ok(ref $open{$_}, "$_ is in a desktop") for sort keys %open;
is($open{ada}->websocket_receive(1), 'silence', 'and nobody doubts it');

# both workers have a warm answer
get($eve, 6) for 1 .. 8;

is(admin_api($admin, 'POST disable')->{code}, 200, 'an organiser switches off');

told($open{$_}, 'close 4006 switched off', $_) for qw(ada bob mate);
is($open{admin}->websocket_receive(1), 'silence', 'an admin stays inside');

becomes(403, $eve, 6, 'a warm gate is closed at once');

my $res = http('GET /http/6/', visitor => $eve);
is($res->{code}, 403, 'and stays closed');
ok($res->{body} =~ /"code":"disabled"/, 'by name');

$res = http('GET /http/6/', visitor => $eve, more => 'Accept: text/html');
ok($res->{body} =~ /Remote Desktop is currently disabled/, 'and by a page');

is(tunnel($ada, 2), '403', 'no way back for the owner');
is(tunnel($mate, 4), '403', 'nor for his team');
is(get($ada, 2), 403, 'whatever he asks for');
is(get(visitor('nobody:40'), 40), 403, 'who has none hears the same');
ok(http('GET /http/6/', visitor => $ada)->{body} =~ /"code":"forbidden"/,
   'a stranger learns no more than before');
is(get($admin, 6), 200, 'an admin goes in');
is(api($eve, 'GET credentials')->{json}{code}, 'disabled',
   'no password is given away');

is(admin_api($admin, 'POST enable')->{code}, 200, 'switched on again');
becomes(200, $eve, 6, 'everybody is back');

$open{ada} = tunnel($ada, 2);
ok(ref $open{ada}, 'no desktop was lost');
is(api($eve, 'GET credentials')->{code}, 200, 'and passwords are given');


# ---- by another machine -----------------------------------------------------

redis('SET', $switch, 'off');
told($open{ada}, 'close 4006 switched off', 'from outside');
becomes(403, $eve, 6, 'switched off from outside');

redis('DEL', $switch);
becomes(200, $eve, 6, 'and on');

$open{admin}->close;

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
