# What the cache does not believe: what it read before a server began to tell
# it of changes, that somebody is nobody, or that two questions are one.

use RD 'no_plan';
use RD::Client;
use RD::Place ();
use RD::Serve;
use RD::Site;

two_redis();
ctfd_redis('PING');                     # it runs before nginx does

my $desktop = serve_desktop(many => 1);
my $tag = 'rd:{' . RD::site() . '}:';

# Redis is stopped for a while, and nobody gives it up
$RD::Site::Http =~ s/(REDIS_SOCK);/$1 timeout=60s;/g;
$RD::Site::Http .= "    rd_zone rd:1m;\n    rd_stale_max 3s;\n"
    . "    rd_cache_ttl 10m;\n";
$RD::Site::Config .= $RD::Site::HttpGate;

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


# the status of an answer, and what the log says of the way to it
sub get {
    my ($visitor, $id) = @_;

    my $mark = length error_log();
    my $code = http("GET /http/$id/", visitor => $visitor, timeout => 20)
        ->{code};
    return wantarray ? ($code, substr error_log(), $mark) : $code;
}

sub warm {
    my ($visitor, $id) = @_;

    return wait_until(10, sub {
        (get($visitor, $id))[1] =~ /decided at once, ok/;
    });
}

sub ready_lines {
    my ($server) = @_;
    return scalar(() = error_log() =~ /rd redis $server tracking: ready/g);
}

ok(wait_until(10, sub { ready_lines('own') && ready_lines('ctfd') }),
   'two servers tell of changes');

my ($ada, $bob, $eve) = map { visitor($_) } qw(ada bob eve);
give_desktop(2, $desktop);


# ---- what was read before ----------------------------------------------------

# A server changes something in the moment in which it stops to tell of it.
sub deaf {
    my ($name, $server, $command, $change, $code) = @_;

    ok(warm($ada, 2), "$name: warm");
    my $ready = ready_lines($server);
    my @told = map { /^id=(\d+).* flags=\S*[Pt]/ ? $1 : () }
               split /\n/, $command->('CLIENT', 'LIST');

    $command->('MULTI');
    $command->('CLIENT', 'KILL', 'ID', $_) for @told;
    $command->(@$change);
    $command->('EXEC');

    ok(wait_until(10, sub { ready_lines($server) > $ready }),
       "$name: who was not told of it is told again of what comes");
    is(scalar get($ada, 2), $code, "$name: and asks: $code");
}

my $cookie = "flask_cache_session$ada->{sid}";
my $value = ctfd_redis('GET', $cookie);
my $session = "${tag}session:" . sprintf '%032x', 2;

deaf('not verified', 'own', \&redis, ['HSET', "${tag}user:2", 'verified', 0],
     403);
redis('HSET', "${tag}user:2", 'verified', 1);

deaf('not ready', 'own', \&redis, ['HSET', $session, 'state', 'starting'], 409);
redis('HSET', $session, 'state', 'ready');

deaf('logged out', 'ctfd', \&ctfd_redis, ['DEL', $cookie], 401);
ctfd_redis('SETEX', $cookie, 600, $value);


# ---- nobody, and nothing -----------------------------------------------------

# An answer that was kept is kept for a moment: polled, it is asked for again.
sub asked_again {
    my ($visitor, $id, $code) = @_;

    is(scalar get($visitor, $id), $code, "it is $code");
    return wait_until(10, sub {
        (get($visitor, $id))[1] =~ /lookup started/;
    });
}

ok(asked_again($eve, 4, 404), 'that somebody has no desktop is soon asked for');

my $nobody = visitor('kim:9');
ctfd_redis('DEL', "flask_cache_session$nobody->{sid}");
ok(asked_again($nobody, 2, 401), 'and that somebody is nobody');


# ---- at the same time --------------------------------------------------------

my @asking;

sub ask {
    my ($visitor, $id) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $mark = length error_log();

    $client->send(RD::Client::compose("GET /http/$id/",
        RD::Visitor::headers($visitor, 'GET'), 'close'));
    wait_until(20, sub {
        substr(error_log(), $mark) =~ /lookup started, desktop of:$id\b/;
    }) or die "nobody asks for the desktop of $id\n";

    push @asking, $client;
    return substr error_log(), $mark;
}

sub answers {
    kill CONT => own_redis()->pid;
    my @codes = map { $_->response(RD::Place::patience(20), 'GET')->{code} }
                @asking;
    @asking = ();
    return "@codes";
}

give_desktop(3, $desktop);
kill STOP => own_redis()->pid;

ask($bob, 3);
ok(ask($eve, 4) !~ /lookup shared/, 'who asks for another desktop asks');
ok(ask($bob, 3) =~ /lookup shared, user:3\b/, 'who asks for the same does not');
ask($bob, 3);

my $leaves = splice @asking, 2, 1;
$leaves->close;
ok(wait_until(20, sub { error_log() =~ /rd access: viewer left/ }),
   'one who waits leaves');

ok(wait_until(20, sub {
       # of nobody in particular, but from now on things may be otherwise
       ctfd_redis('SETEX', 'flask_cache_session-other', 60, rand);
       ask($bob, 3) !~ /lookup shared/;
   }), 'what was asked before a change is not shared after it');

my $n = @asking - 2;
is(answers(), '200 404' . ' 200' x $n, 'each has his own answer');


# An answer that was on its way when something changed may be from before.
{
    my ($dan, $kim) = (visitor('dan'), visitor('kim:8'));
    give_desktop($_, $desktop) for 5, 8;
    ok(warm($kim, 8), 'somebody is known');

    kill STOP => own_redis()->pid;
    ask($dan, 5);
    ctfd_redis('DEL', "flask_cache_session$kim->{sid}");
    ok(wait_until(20, sub { get($kim, 8) == 401 }), 'and then logged out');

    is(answers(), '200', 'who was asked for meanwhile passes');
    ok((get($dan, 5))[1] =~ /lookup started/, 'and is asked for once more');
}


# ---- CTFd's Redis alone goes away --------------------------------------------

ok(warm($ada, 2), 'one is known');
is(scalar get($nobody, 2), 401, 'another one is nobody');

eval { ctfd_redis('SHUTDOWN', 'NOSAVE') };
ok(wait_until(10, sub { error_log() =~ /ctfd tracking: connection lost/ }),
   'nobody can say who is logged in');

is(scalar get($nobody, 2), 503, 'that somebody was nobody counts for nothing');
ok(wait_until(20, sub { get($ada, 2) == 503 }),
   'nor is anybody believed for longer than rd_stale_max');

ctfd_redis('SETEX', $cookie, 600, $value);
ok(wait_until(20, sub { get($ada, 2) == 200 }), 'then he is known again');


# ---- another server, or another secret ---------------------------------------

# what the cache has was read from these servers, by these names, and for the
# cookies of this secret
{
    for my $command (\&redis, \&ctfd_redis) {
        $command->('ACL', 'SETUSER', 'default', '-client|tracking');
        $command->('CLIENT', 'KILL', 'TYPE', 'pubsub');
    }

    ok(wait_until(10, sub {
           2 <= (() = error_log() =~ /a change counts after 600000ms/g);
       }), 'nobody tells of changes: what is kept is kept for ten minutes');
    ok(warm($ada, 2), 'one is known');

    my $before = nginx()->{text};
    my ($own, $ctfd) = map { $ENV{"TEST_NGINX_$_"} }
                       'REDIS_SOCK', 'CTFD_REDIS_SOCK';

    for (['our server',      404, 'rd_redis',      $ctfd],
         ['our database',    404, 'rd_redis',      "$own db=1"],
         ['our prefix',      404, 'rd_redis',      "$own prefix=other:"],
         ["CTFd's server",   401, 'rd_ctfd_redis', $own],
         ["CTFd's database", 401, 'rd_ctfd_redis', "$ctfd db=1"],
         ["CTFd's prefix",   401, 'rd_ctfd_redis', "$ctfd session_prefix=x"])
    {
        my ($name, $code, $directive, $there) = @$_;

        (my $text = $before) =~ s/\b$directive unix:\S+/$directive unix:$there/;
        nginx()->reload($text);
        is(scalar get($ada, 2), $code, "$name is another one: $code");

        nginx()->reload($before);
        is(scalar get($ada, 2), 200, "$name is the same again: 200");
    }

    RD::Place::spew($ENV{TEST_NGINX_SECRET_FILE}, 'another secret' x 3);
    nginx()->reload;
    ok(wait_until(20, sub { get($ada, 2) == 401 }),
       'with another secret his cookie is none');
}

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
