# Administrators hear what happens, as it happens.

use RD 'no_plan';
use RD::Events;
use RD::Site;

use constant LISTENERS => 300;

$RD::Site::Http .= "    rd_events_keepalive 1s;\n";

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|owner|user|host|probe|sweep|lease)/,
           qr/\}:session:/);

run_tests();

my ($admin, $ada) = map { visitor($_) } qw(admin ada);
my $events = 'rd:{' . RD::site() . '}:events';

redis('DEL', $events);


# ---- who may ----------------------------------------------------------------

is(listen_to($ada)->{code}, 403, 'a player may not listen');
is(admin_api($ada, 'GET events/recent')->{json}{code}, 'admin_only',
   'nor read what was');
is(http('GET /remote-desktop/admin/api/events/stream')->{code}, 401,
   'nobody is asked to log in');
is(admin_api(visitor('admin banned'), 'GET events/recent')->{json}{code},
   'banned', 'a banned administrator may not either');
$admin = visitor('admin');


# ---- one event, whole -------------------------------------------------------

my $listener = listen_to($admin);

is($listener->{code}, 200, 'an administrator may');
is($listener->{header}{'content-type'}, 'text/event-stream', 'its type');
is($listener->{header}{'cache-control'}, 'no-cache', 'nobody keeps it');
is($listener->{header}{'x-accel-buffering'}, 'no', 'no proxy gathers it');

my $strange = qq(<b>&"\\\x{e4}\x{1F600}\n);
utf8::encode(my $bytes = $strange);

my $id = happen($bytes, flags => 'admin,banned', username => $bytes,
                metadata => '{"context":"h1","n":3,"deep":{"a":[1,"x"]}}');
my ($event) = events_of($listener, 1);

is($event->{sse_id}, $id, 'its id is that of the stream');
is($event->{id}, $id, 'and of the event');
is($event->{type}, 'session_extended', 'type');
is($event->{level}, 'info', 'level');
ok($event->{message} eq $strange, 'strings are what they are, no HTML');
ok($event->{username} eq $strange, 'names, too');
is($event->{user_id}, 2, 'the user id is a number');
is($event->{is_admin}, JSON::PP::true(), 'flags that are true are said');
is($event->{is_banned}, JSON::PP::true(), 'all of them');
ok(!exists $event->{is_hidden}, 'others are not');
is_deeply($event->{metadata}, { context => 'h1', n => 3,
                                deep => { a => [1, 'x'] } }, 'metadata');
my ($ms) = $id =~ /^(\d+)/;
ok(abs($event->{timestamp} - $ms / 1000) < 0.001, 'seconds, with a fraction');
like($event->{datetime},
     qr/^[A-Z][a-z]{2} \d{1,2}, 20\d\d \d{1,2}:\d\d:\d\d [AP]M$/,
     'and a date to read');

happen('no user', user_id => '', username => '', session => '',
       metadata => 'nonsense');
($event) = events_of($listener, 1);
is($event->{user_id}, undef, 'a host has no user');
is_deeply($event->{metadata}, {}, 'metadata is always an object');


# ---- idle -------------------------------------------------------------------

ok(wait_until(10, sub { (next_line($listener, 5) // '') eq ': keepalive' }),
   'an idle stream says so');


# ---- many -------------------------------------------------------------------

{
    my @many = map { listen_to($admin) } 1 .. LISTENERS;

    is((grep { $_->{code} == 200 } @many), LISTENERS,
       'three hundred may listen');
    is((grep { (events_of($_, 2))[1]{message} eq 'no user' } @many),
       LISTENERS, 'and each hears what was');

    happen("to all $_") for 1 .. 20;

    my $heard = grep {
        join(',', map { $_->{message} } events_of($_, 20))
            eq join ',', map { "to all $_" } 1 .. 20;
    } @many;

    is($heard, LISTENERS, 'and each hears all that happens, in order');

    my $clients = redis('CLIENT', 'LIST');
    is(scalar(() = $clients =~ /cmd=xread/g), 1,
       'by one connection of the worker');

    $_->{client}->close for @many;
    ok(wait_until(10, sub {
           (() = error_log() =~ /rd sse: listener left/g) >= LISTENERS;
       }), 'who leaves is forgotten');
}

is((events_of($listener, 20))[19]{message}, 'to all 20', 'others stay');


# ---- who ends at once -------------------------------------------------------

{
    my ($worker) = nginx()->workers;
    my $client = RD::Client->connect($RD::ServerPort, 5);

    # it learns of the request and of the end after it in one moment
    kill STOP => $worker;
    $client->send(RD::Client::compose(
        'GET /remote-desktop/admin/api/events/stream',
        RD::Visitor::headers($admin, 'GET'), 'close'));
    shutdown $client->{socket}, 1;
    kill CONT => $worker;

    ok(wait_until(5, sub { $client->fill(time + 0.1); $client->{eof} }),
       'who ends together with his request is not talked to');
    $client->close;
}


# ---- a lost connection to Redis ---------------------------------------------

allow_log(qr/./);

redis('CLIENT', 'KILL', 'TYPE', 'normal');
happen('while it was away');
ok((grep { $_->{message} eq 'while it was away' } events_of($listener, 1, 15)),
   'a lost connection loses no event');


# ---- no longer an administrator ---------------------------------------------

my $user = 'rd:{' . RD::site() . "}:user:$admin->{id}";

redis('HSET', $user, 'type', 'user');

my @last;
ok(wait_until(10, sub {
       push @last, next_line($listener, 1) // return 0;
       return $last[-1] =~ /^(?:eof|cut)$/;
   }), 'who is demoted hears nothing more');
is($last[-2], ': closed: you are no administrator any more', 'and is told why');
is($last[-1], 'eof', 'the stream ends as a stream should');
redis('HSET', $user, 'type', 'admin');


# ---- recent -----------------------------------------------------------------

# the host that nobody can reach may be told of in between
my ($all, $two, $length);
wait_until(5, sub {
    $all = admin_api($admin, 'GET events/recent')->{json}{events};
    $two = admin_api($admin, 'GET events/recent?limit=2')->{json}{events};
    $length = redis('XLEN', $events);
    return @$all == $length;
});

is(scalar(grep { $_->{type} !~ /^host_/ } @$all), 23, 'recent tells what was');
is(scalar(@$all), $length, 'all of it');
is_deeply([map { $_->{id} } @$two], [map { $_->{id} } @$all[-2, -1]],
          'as many as asked for, oldest first');
is(admin_api($admin, "GET events/recent?limit=$_")->{code}, 400,
   "limit=$_ is refused") for qw(0 2001 -1 many);
ok(wait_until(10, sub { error_log() =~ /rd feed: stopped, nobody listens/ }),
   'with nobody listening nothing is read');

__DATA__

=== TEST 1: a second word of rd_api is refused
--- config
location /x/ { rd_api everybody; }
--- must_die
--- error_log
invalid value "everybody", it may only be "admin"


=== TEST 2: so is a keepalive without rest
--- http_config
rd_events_keepalive 10ms;
--- config
--- must_die
--- error_log
must be at least 1s


=== TEST 3: nginx starts
--- request
GET /remote-desktop/admin/api/events/recent
--- error_code: 401
