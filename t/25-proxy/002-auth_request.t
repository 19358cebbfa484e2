# An nginx of somebody else in front of a desktop: it asks auth-check, with the
# configuration that docs/API.md shows.

use RD 'no_plan';
use RD::Place qw(free_port slurp top);
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop(headers => "Set-Cookie: session=evil\r\n");
my $shows = serve_desktop(head => 1);
my $front = free_port();

my ($shown) = slurp(top() . '/docs/API.md') =~ /```nginx\n(.*?)```/s;

$shown =~ s/127\.0\.0\.1:8080/127.0.0.1:\$TEST_NGINX_SERVER_PORT/;

my $http = $RD::Site::Http . <<"END";
    server {
        listen 127.0.0.1:$front;
        error_log logs/error.log info;     # debug lines show what it passes on
$shown
    }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http);
    $block->set_value('redis', ready_session(2, $desktop)
        . ready_session(3, $shows)
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
    my $more = $client->websocket_headers("Host: localhost\n"
        . "Origin: $origin\n" . ($option{more} // '')
        . ($visitor ? RD::Visitor::headers($visitor, 'GET') : ''));

    $client->send(RD::Client::compose(
        "GET /remote-desktop/vnc/$user/websockify", $more, 'close'));

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
is(enter($bob, 77)->{code}, 403, 'a stranger learns of no desktop');
is(enter($eve, 4)->{code}, 403, 'one that is starting is closed');
is(enter($dan, 5)->{code}, 403, 'so is one whose time is over');
is(enter($bob, 2, more => "X-User-ID: 3\nX-VNC-Host: 127.0.0.1\n"
                         . "X-VNC-Port: $desktop\n")->{code}, 403,
   'what a visitor says of himself chooses nothing');

unlike(enter($bob, 3)->{greeting}, qr/^(?:cookie|authorization)/mi,
       'no cookie reaches the container');

is(http('GET /rd-auth-check', port => $front, visitor => $ada)->{code}, 404,
   'nobody asks from outside');


# ---- the answers, as docs/API.md has them ------------------------------------

sub check {
    my ($visitor, $more) = @_;

    return http('GET /remote-desktop/api/auth-check', visitor => $visitor,
                more => $more);
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

redis('HSET', 'rd:{test}:user:2', 'banned', 1);
is(check($ada, "X-User-ID: 2\n")->{code}, 403, 'banned is 403');
is(enter($ada, 2)->{code}, 403, 'also behind the proxy');

__DATA__

=== TEST 1: both servers start, as docs/API.md has the one in front
--- request
GET /remote-desktop/api/auth-check
--- error_code: 401
