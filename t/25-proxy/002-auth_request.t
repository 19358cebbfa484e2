# An nginx of somebody else in front of a desktop: it asks auth-check, with the
# configuration that docs/API.md shows.

use RD 'no_plan';
use RD::Place qw(free_port slurp top);
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop(headers => "Set-Cookie: session=evil\r\n");
my $shows = serve_desktop(head => 1);
my $front = free_port();

my ($shown, $map) = slurp(top() . '/docs/API.md') =~ /```nginx\n(.*?)```/sg;

$shown =~ s/127\.0\.0\.1:8080/127.0.0.1:\$TEST_NGINX_SERVER_PORT/;

# the same for the terminal: another location, another question
(my $terminal = $shown) =~ s{/vnc/}{/terminal/};
$terminal =~ s{/rd-auth-check}{/rd-auth-check-terminal}g;
$terminal =~ s{(/api/auth-check)}{$1?mode=terminal};

my $http = $RD::Site::Http . <<"END";
    rd_team_access on;
    rd_require_verified on;
$map
    server {
        listen 127.0.0.1:$front;
        error_log logs/error.log info;     # debug lines show what it passes on
$shown
$terminal
    }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http);
    $block->set_value('redis', ready_session(2, $desktop)
        . ready_session(3, $shows)
        . ready_session(6, 1, terminal_port => $shows, team_id => 9)
        . ready_session(4, $desktop, state => 'starting')
        . ready_session(5, $desktop, expires_ms => 1000 * time - 1));
});
add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:warn|story|host|sweep)/);
run_tests();

my ($ada, $bob, $eve, $dan, $admin)
    = map { visitor($_) } qw(ada bob eve dan admin);


sub enter {
    my ($visitor, $user, %option) = @_;

    my $client = RD::Client->connect($front, 5);
    my $origin = $option{origin} // 'http://localhost';
    my $more = $client->websocket_headers(
        'Host: ' . ($option{host} // 'localhost') . "\n"
        . "Origin: $origin\n" . ($option{more} // '')
        . ($visitor ? RD::Visitor::headers($visitor, 'GET') : ''));

    $client->send(RD::Client::compose(
        sprintf('GET /remote-desktop/%s/%s/websockify',
                $option{mode} // 'vnc', $user), $more, 'close'));

    my $res = $client->response(20, 'GET');
    $res->{greeting} = $client->websocket_receive(20) if $res->{code} == 101;
    $client->close;

    return $res;
}

my $res = enter($ada, 2);
is($res->{code}, 101, 'the owner goes in');
like($res->{greeting}, qr/RFB 003\.008/, 'and meets his desktop');
is($res->{header}{'set-cookie'}, undef, 'which sets him no cookie');

is(enter($admin, 2)->{code}, 101, 'an admin goes in');
is(enter($bob, 2)->{code}, 403, 'a stranger does not');
is(enter(undef, 2)->{code}, 401, 'nobody is told to log in');
is(enter($ada, 2, origin => 'http://evil.example')->{code}, 403,
   'another site cannot use his cookie');
is(enter($ada, 2, host => 'ctf.test:8443', origin => $_)->{code}, 101,
   "$_ goes in behind what ends TLS, at another port")
    for 'https://ctf.test:8443', 'https://CTF.test:8443';
is(enter($ada, 2, host => 'ctf.test', origin => $_)->{code}, 403,
   "$_ is another site")
    for 'https://ctf.test.evil.test', 'https://ctf.test:8443', 'ctf.test',
        'null', 'https://evil.test|ctf.test';
is(enter($bob, 77)->{code}, 403, 'a stranger learns of no desktop');
is(enter($eve, 4)->{code}, 403, 'one that is starting is closed');
is(enter($dan, 5)->{code}, 403, 'so is one whose time is over');
is(enter($bob, 2, more => "X-User-ID: 3\nX-VNC-Host: 127.0.0.1\n"
                         . "X-VNC-Port: $desktop\n")->{code}, 403,
   'what a visitor says of himself chooses nothing');

unlike(enter($bob, 3)->{greeting}, qr/^(?:cookie|authorization)/mi,
       'no cookie reaches the container');

my $cy = visitor('cy:6 team:9');
my $mate = visitor('mate:21 team:9');

$res = enter($cy, 6, mode => 'terminal');
is($res->{code}, 101, 'the owner goes to his terminal');
like($res->{greeting}, qr/Upgrade: websocket/i, 'which is at another port');
is(enter($mate, 6, mode => 'terminal')->{code}, 101, 'so does his team');
is(enter($ada, 6, mode => 'terminal')->{code}, 403, 'a stranger does not');
is(enter($ada, 2, mode => 'terminal')->{code}, 403,
   'nor anybody where there is none');

is(http('GET /rd-auth-check', port => $front, visitor => $ada)->{code}, 404,
   'nobody asks from outside');


# ---- the answers, as docs/API.md has them ------------------------------------

sub check {
    my ($visitor, $more, $args) = @_;

    return http('GET /remote-desktop/api/auth-check' . ($args // ''),
                visitor => $visitor, more => $more);
}

$res = check($ada, "X-User-ID: 2\n");
is($res->{code}, 200, 'yes is 200');
is($res->{header}{'x-vnc-host'}, '127.0.0.1', 'with the host');
is($res->{header}{'x-vnc-port'}, $desktop, 'and the port');

$res = check($bob, "X-User-ID: 2\n");
is($res->{code}, 403, 'no is 403');
is($res->{header}{'x-vnc-host'}, undef, 'without the host');
is($res->{header}{'x-vnc-port'}, undef, 'or the port');

is(check($ada, '')->{code}, 403, 'without X-User-ID nobody is meant');
is(check($ada, "X-User-ID: $_\n")->{code}, 403, "X-User-ID: $_ is nobody")
    for '2x', '02', '-2', '2, 3', '100000000000000000000';
is(check(undef, "X-User-ID: 2\n")->{code}, 401, 'who are you is 401');

$res = check($cy, "X-User-ID: 6\n", '?mode=terminal');
is($res->{code}, 200, 'a terminal is asked for by its mode');
is($res->{header}{'x-vnc-port'}, $shows, 'and has the same header');
is(check($cy, "X-User-ID: 6\n", '?mode=vnc')->{header}{'x-vnc-port'}, 1,
   'a desktop may be, too');

$res = check($cy, "X-User-ID: 6\n", '?mode=ssh');
is($res->{code}, 403, 'another mode there is not');
like($res->{body}, qr/"code":"mode_not_offered"/, 'by name');

redis('HSET', 'rd:{test}:user:6', 'verified', 0);
$res = check($cy, "X-User-ID: 6\n");
is($res->{code}, 403, 'who is not verified stays outside, as at the gate');
like($res->{body}, qr/"code":"not_verified"/, 'and may be told why');

redis('SET', 'rd:{test}:switch', 'off');
$res = check($ada, "X-User-ID: 2\n");
is($res->{code}, 403, 'so does everybody when all is switched off');
like($res->{body}, qr/"code":"disabled"/, 'by name');
is(check($admin, "X-User-ID: 2\n")->{code}, 200, 'but no admin');
redis('DEL', 'rd:{test}:switch');

redis('HSET', 'rd:{test}:user:2', 'banned', 1);
is(check($ada, "X-User-ID: 2\n")->{code}, 403, 'banned is 403');
is(enter($ada, 2)->{code}, 403, 'also behind the proxy');

__DATA__

=== TEST 1: both servers start, as docs/API.md has the one in front
--- request
GET /remote-desktop/api/auth-check
--- error_code: 401
