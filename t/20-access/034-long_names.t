# Names of all lengths are whole wherever they are told, also those that are
# kept: a gate copies but the front of what is kept of somebody.

use RD 'no_plan';
use RD::Client;
use RD::Events;
use RD::Serve;
use RD::Site;

my $desktop = $ENV{TEST_NGINX_DESKTOP_PORT} = serve_desktop();

$RD::Site::Http .= "    rd_zone rd:1m;\n";
add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

give_desktop(2, $desktop, username => 'ada');


# into the desktop of user 2; the headers that answer
sub go_in {
    my ($visitor) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $more = $client->websocket_headers("Host: localhost\n"
        . RD::Visitor::headers($visitor, 'GET'));

    $client->send(RD::Client::compose(
        'GET /remote-desktop/vnc/2/websockify', $more, 'close'));

    my $code = $client->response(20, 'GET')->{code};

    $client->websocket_receive(2) if $code == 101;
    $client->close;
    return $code;
}


# what administrators did, as told
sub deeds {
    my ($admin) = @_;

    return map { $_->{message} }
        grep { $_->{type} eq 'admin_action' }
        @{ admin_api($admin, 'GET events/recent?limit=2000')->{json}{events} };
}


my $told = 0;

# of 128 letters are the longest that CTFd takes
for my $n (1, 20 .. 24, 128) {
    my $name = 'n' x $n;
    my $admin = visitor("$name:" . (100 + $n) . ' admin');
    my @deeds;

    # word of his login may still be on its way, and take out what is kept
    ok(wait_until(5, sub {
        # a stranger's name lies where the next one is written to
        go_in(visitor('x' x 128 . ':99'));

        my $mark = length error_log();

        $told++ if go_in($admin) == 101;
        return substr(error_log(), $mark) =~ /decided at once, ok/;
    }), "who has a name of $n goes in, at last as one who is known");

    ok(wait_until(5, sub { (@deeds = deeds($admin)) >= $told }),
       'each time is told');
    is($deeds[-1], "admin $name viewing session for ada", 'the name is whole');
    is(status($admin)->{user}{name}, $name, 'for himself, too');
    is(http('POST /remote-desktop/admin/api/peek' . "\nuser_id=2",
            visitor => $admin,
            more => "Content-Type: application/x-www-form-urlencoded\n")
       ->{code}, 200, 'and his token counts');
}


sub status {
    my ($visitor) = @_;

    my $body = http('GET /remote-desktop/api/status', visitor => $visitor)
               ->{body};

    return JSON::PP::decode_json($body);
}

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
