# A tunnel that is open ends within a second when what let it in is over, and
# its viewer is told why.

use RD 'no_plan';
use RD::Place ();
use RD::Serve;
use RD::Site;
use RD::Tunnel;
use Time::HiRes qw(time);

our $Zone //= "    rd_zone rd:1m;\n";

my $tag = 'rd:{' . RD::site() . '}:';

$RD::Site::Http .= $Zone . "    rd_team_access on;\n";
add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:rate|sweep|host|slots|queue|free|load|user)/);

run_tests();


# one desktop a server, as serve() takes its connections in turn
my @servers = map { serve_desktop() } 1 .. 13;


# ---- each reason ------------------------------------------------------------

{
    my $ada = visitor('ada');
    give_desktop(2, $servers[0]);
    my $tunnel = tunnel($ada, 2);
    ok(ref $tunnel, 'a tunnel is open');
    is($tunnel->websocket_receive(1), 'silence', 'and nobody doubts it');

    ctfd_redis('DEL', "flask_cache_session$ada->{sid}");
    told($tunnel, 'close 4003 logged out', 'logout');
    is(tunnel($ada, 2), '401', 'logout: and there is no way back');
}

{
    my $bob = visitor('bob');
    give_desktop(3, $servers[1]);
    my $tunnel = tunnel($bob, 3);

    redis('HSET', "${tag}user:3", 'banned', 1);
    told($tunnel, 'close 4004 banned', 'ban');
    is(tunnel($bob, 3), '403', 'ban: and there is no way back');
}

{
    my $eve = visitor('eve');
    give_desktop(4, $servers[2]);
    my $tunnel = tunnel($eve, 4);

    api($eve, 'POST destroy');
    told($tunnel, 'close 4002 stopped', 'stop');
    is(tunnel($eve, 4), '410', 'stop: the gate says that it was');
}

{
    my $dan = visitor('dan');
    my $end = time + 4;
    give_desktop(5, $servers[3], expires_ms => int(1000 * $end));
    my $tunnel = tunnel($dan, 5);

    is($tunnel->websocket_receive(RD::Place::patience(5)),
       'close 4001 time is over', 'time: it ends by itself');
    cmp_ok(time, '>', $end - 0.5, 'time: not before its time is over');
    is(tunnel($dan, 5), '410', 'time: the gate says so');
    $tunnel->close;
}

{
    my $ivy = visitor('ivy:33');
    give_desktop(33, $servers[9]);
    my $tunnel = tunnel($ivy, 33);
    is($tunnel->websocket_receive(1), 'silence', 'less time: an hour is left');

    redis('HSET', "${tag}session:" . sprintf('%032x', 33), 'expires_ms',
          int(1000 * time) + 1500);
    is($tunnel->websocket_receive(RD::Place::patience(3)),
       'close 4001 time is over', 'less time: it ends by that');
    $tunnel->close;
}

{
    my $max = visitor('max:34');
    give_desktop(34, $servers[10]);
    my $tunnel = tunnel($max, 34);

    # the next one of the same player, in the place of the one he looks at
    my $next = sprintf '%032x', 35;
    my $old = "${tag}session:" . sprintf '%032x', 34;
    redis('COPY', $old, "${tag}session:$next");
    redis('HSET', "${tag}session:$next", 'id', $next);
    redis('SET', "${tag}owner:34", $next);
    told($tunnel, 'close 4002 stopped', 'another desktop');
    ok(ref tunnel($max, 34), 'another desktop: that is open to him');
}

{
    my ($pat, $sue) = (visitor('pat:36'), visitor('sue:37'));
    give_desktop(36, $servers[11]);
    give_desktop(37, $servers[12]);
    my @tunnels = (tunnel($pat, 36), tunnel($sue, 37));

    redis('HSET', "${tag}session:" . sprintf('%032x', 36), 'state', 'starting');
    told($tunnels[0], 'close 4002 stopped', 'not ready any more');
    redis('DEL', "${tag}session:" . sprintf('%032x', 37));
    told($tunnels[1], 'close 4002 stopped', 'forgotten');
}

{
    my $admin = visitor('admin');
    give_desktop(77, $servers[4]);
    my $tunnel = tunnel($admin, 77);
    ok(ref $tunnel, 'an admin looks at a desktop');

    redis('HSET', "${tag}user:1", 'type', 'user');
    told($tunnel, 'close 4005 not allowed any more', 'demotion');
}

{
    my $mate = visitor('mate:21 team:9');
    visitor('owner:22 team:9');
    give_desktop(22, $servers[5], team_id => 9);
    my $tunnel = tunnel($mate, 22);
    ok(ref $tunnel, 'a member of the team looks at a desktop');

    redis('HSET', "${tag}user:21", 'team_id', 8);
    told($tunnel, 'close 4005 not allowed any more', 'another team');
}

{
    my $ned = visitor('ned:28 team:12');
    api($ned, 'POST create');
    is(session_of($ned)->{team_id}, 12, 'a session knows its owner\'s team');
    api($ned, 'POST destroy');
}

{
    my $gil = visitor('gil:23');
    give_desktop(23, $servers[6]);
    my $tunnel = tunnel($gil, 23);

    redis('HSET', "${tag}user:23", 'hash', 'f' x 40);
    told($tunnel, 'close 4003 logged out', 'new password');
}

{
    my $hal = visitor('hal:24');
    give_desktop(24, $servers[7]);
    my $tunnel = tunnel($hal, 24);

    # the same sid, somebody else's session
    my $json = RD::Visitor::session_json(nonce => 'n', id => 25,
                                         hash => 'h');
    ctfd_redis('SETEX', "flask_cache_session$hal->{sid}", 600, $json);
    told($tunnel, 'close 4003 logged out', 'a session used again');
    ctfd_redis('DEL', "flask_cache_session$hal->{sid}");
}


# ---- what does not end one ---------------------------------------------------

{
    my $ina = visitor('ina:26');
    give_desktop(26, $servers[8]);
    my $tunnel = tunnel($ina, 26);

    redis('HSET', "${tag}user:26", 'name', 'ina2', 'team_id', 3);
    redis('HSET', "${tag}session:" . sprintf('%032x', 26), 'extensions_used',
          1, 'expires_ms', int(1000 * time) + 7200_000);
    give_desktop(27, 1);
    visitor('other:27');

    is($tunnel->websocket_receive(1.2), 'silence',
       'changes that are none of its business do not end a tunnel');

    $tunnel->close;
}


# ---- never within a frame ----------------------------------------------------

sub half_frame {
    my ($rest) = @_;

    my $begin = "\x82\x02hi" . "\x82\x7e\x03\xe8" . 'x' x 400;

    return serve_tunnel($begin, sub {
        my ($socket) = @_;

        # the rest comes when the visitor says so
        sysread $socket, my $bytes, 4096;
        print $socket 'x' x 600, "\x82\x02no" if $rest;
        1 while sysread $socket, $bytes, 4096;
    });
}

{
    my $joe = visitor('joe:31');
    my ($tunnel, $took);

    # the frame has a second to end: once more, if we were too slow ourselves
    for (1 .. 5) {
        redis('HSET', "${tag}user:31", 'banned', 0);
        give_desktop(31, half_frame(1));
        $tunnel = tunnel($joe, 31);

        my $mark = length error_log();
        my $begun = time;

        redis('HSET', "${tag}user:31", 'banned', 1);
        wait_until(10, sub {
            substr(error_log(), $mark)
                =~ /rd tunnel: closed, banned, desktop of:31\b/;
        });
        $tunnel->websocket_send('text', 'go on');

        $took = time - $begun;
        last if $took < 0.7;
    }

    ok($took < 0.7, 'somebody is banned in the middle of a frame')
        or diag("$took s");
    is($tunnel->websocket_receive(20), 'binary ' . 'x' x 1000,
       'a frame under way ends first');
    is($tunnel->websocket_receive(20), 'close 4004 banned',
       'then comes the reason, and no other frame');
    $tunnel->close;
}

{
    my $kim = visitor('kim:32');
    give_desktop(32, half_frame(0));
    my $tunnel = tunnel($kim, 32);

    my ($began, $starved) = (time, starved());
    redis('HSET', "${tag}user:32", 'banned', 1);

    1 while $tunnel->fill(time + RD::Place::patience(3));
    cmp_ok(time - $began - (starved() - $starved), '<',
           1.3 * RD::Place::slow_factor(),
           'one that does not end is cut');
    is(length $tunnel->{in}, 404, 'and nothing is written into it');
    $tunnel->close;
}


# ---- at once, on both sides --------------------------------------------------

# neither the viewer nor the desktop does anything about it
{
    my $liz = visitor('liz:38');
    my $silent = serve_desktop(many => 1);
    my ($took, $shut);

    # nginx listens for a second more: once more, if we were as slow as that
    for (1 .. 5) {
        redis('HSET', "${tag}user:38", 'banned', 0);
        give_desktop(38, $silent);
        my $tunnel = tunnel($liz, 38);
        my $mark = length error_log();

        redis('HSET', "${tag}user:38", 'banned', 1);
        is($tunnel->websocket_receive(20), 'close 4004 banned',
           'at once: the reason');

        my $begun = time;
        is($tunnel->websocket_receive(20), 'eof', 'at once: the end');
        $took = time - $begun;

        # a desktop that says nothing is heard of when its socket is shut
        $shut = wait_until(5, sub {
            substr(error_log(), $mark) =~ /rd tunnel: the desktop is not heard/;
        });
        $tunnel->close;

        last if $took < 0.5;
    }

    cmp_ok($took, '<', 0.5, 'at once: the viewer does not wait for the end');
    ok($shut, 'at once: nor does the desktop');
}


ok(wait_until(5, sub { error_log() =~ /rd tunnel: closed, login_required/ }),
   'the log says why');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
