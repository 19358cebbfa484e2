# Redis goes away: who is known goes on, who is not is asked to come again, and
# both recover untouched.

use RD 'no_plan';
use RD::Client;
use RD::Place ();
use RD::Serve;
use RD::Site;
use Time::HiRes qw(time);

my $desktop = serve_desktop();
my $other = serve_desktop();
my $tag = 'rd:{' . RD::site() . '}:';

$RD::Site::Http .= "    rd_zone rd:64k;\n    rd_stale_max 8s;\n"
    . "    rd_cache_ttl 1s;\n";
$RD::Site::Config .= $RD::Site::HttpGate;

add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


sub get {
    my ($visitor, $id, @more) = @_;

    return http("GET /http/$id/", visitor => $visitor, timeout => 10, @more);
}


# what the log says of an answer
sub get_log {
    my $mark = length error_log();
    get(@_);
    return substr error_log(), $mark;
}


# Asks until an answer came without a lookup: the entry is there.
sub warm {
    my ($visitor, $id) = @_;

    return wait_until(10, sub {
        return get_log($visitor, $id) =~ /decided at once, ok/;
    });
}


sub tunnel {
    my ($visitor, $id) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);

    $client->send(RD::Client::compose(
        "GET /remote-desktop/vnc/$id/websockify",
        $client->websocket_headers(RD::Visitor::headers($visitor, 'GET')
                                   . "Host: localhost\n"), 'Upgrade'));

    my $res = $client->response(RD::Place::patience(5), 'GET');
    is($res->{code}, 101, 'a tunnel is open');
    $client->websocket_receive(20);          # the greeting

    return $client;
}


# ---- a small zone ------------------------------------------------------------

# more people than there is room for: the oldest go, nobody is refused
give_desktop(1000 + $_, $desktop) for 0 .. 90;

{
    my @codes;
    my $often = visitor('often:1000');
    ok(warm($often, 1000), 'one is known');
    my $log = '';

    for my $n (1 .. 90) {
        my $visitor = visitor('p:' . (1000 + $n));
        push @codes, get($visitor, 1000 + $n)->{code};

        $log .= get_log($often, 1000);
    }

    is(scalar(() = $log =~ /decided at once, ok/g), 90,
       'who comes again and again stays known');
    is(scalar(grep { $_ eq '200' } @codes), 90,
       'a zone that is too small refuses nobody');

    my @last = map { [visitor("p:$_"), $_] } 1086 .. 1090;
    ok((grep { warm(@$_) } @last) == 5, 'five more come');
    is((grep { (get_log(@$_)) =~ /decided at once, ok/ } @last), 5,
       'for whom the oldest go, not the newest');
}


# ---- away --------------------------------------------------------------------

my $ada = visitor('ada');
my $bob = visitor('bob');
give_desktop(2, $desktop);
give_desktop(3, $desktop);
give_desktop(41, $other);
my $eve = visitor('eve:41');

ok(warm($ada, 2), 'one is known');
my $tunnel = tunnel($eve, 41);
is($tunnel->websocket_receive(9), 'silence',
   'for longer than rd_stale_max nothing happens');
ok(get_log($ada, 2) =~ /decided at once, ok/, 'one is still known');

my $gone = time;
own_redis()->stop;

ok(wait_until(5, sub { error_log() =~ /tracking: connection lost/ }),
   'Redis goes away');

is(get($ada, 2)->{code}, 200,
   'who is known goes on, however long ago he was asked for');

my $refused = get($bob, 3);
is($refused->{code}, 503, 'who is not is asked to come again');
ok($refused->{header}{'retry-after'} > 0, 'and told when');
ok($refused->{body} =~ /"code":"redis_(?:down|lost)"/, 'and why');
ok(get($bob, 3, more => "Accept: text/html\n")->{body}
   =~ /<h1>Remote desktop/, 'a browser gets a page');

is($tunnel->websocket_receive(1), 'silence', 'an open tunnel goes on');

ok(wait_until(10, sub { get($ada, 2)->{code} == 503 }),
   'what was known is not believed for ever');
# the last sign of life may have come some time before the end
cmp_ok(time - $gone, '>', 4, 'but for as long as rd_stale_max says');


# ---- and back ----------------------------------------------------------------

own_redis()->start;                         # with nothing in it
RD::Visitor::login($_, own_redis(), own_redis()) for $bob;
give_desktop(3, $desktop);

ok(wait_until(10, sub { get($bob, 3)->{code} == 200 }),
   'when it is back the unknown pass, untouched');
is(get($ada, 2)->{code}, 401, 'and what was kept counts for nothing');
ok(warm($bob, 3), 'things are kept again');

is($tunnel->websocket_receive(20), 'close 4003 logged out',
   'a tunnel nobody knows of any more ends');


# ---- a server that cannot tell -----------------------------------------------

redis('ACL', 'SETUSER', 'default', '-client|tracking');
redis('CLIENT', 'KILL', 'TYPE', 'pubsub');

ok(wait_until(5, sub {
    error_log() =~ /CLIENT TRACKING refused, a change counts after 1000ms/
}), 'a server that cannot tell what changes is named');

ok(warm($bob, 3), 'things are kept for a while');
redis('HSET', "${tag}user:3", 'banned', 1);
ok(wait_until(2, sub { get($bob, 3)->{code} == 403 }),
   'and a change counts after that while');

__DATA__

=== TEST 1: a zone has a name and a size
--- http_config
rd_zone rd;
--- must_die
--- error_log
invalid zone "rd", it must be NAME:SIZE


=== TEST 2: and is not too small
--- http_config
rd_zone rd:4k;
--- must_die
--- error_log
it must be 64k or more


=== TEST 3: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
