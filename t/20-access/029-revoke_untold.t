# With a cache, and servers that cannot tell what changes: what was read may
# count for ten minutes, but not for a tunnel or a player's page, for which
# Redis is asked.

use RD 'no_plan';
use RD::Place ();
use RD::Serve;
use RD::Site;
use RD::Tunnel;

two_redis();
ctfd_redis('PING');                     # it runs before nginx does

my $tag = 'rd:{' . RD::site() . '}:';
my $desktop = serve_desktop(many => 1);
my $last = 100;                         # user with a desktop

$RD::Site::Http .= "    rd_zone rd:1m;\n    rd_cache_ttl 10m;\n";
$RD::Site::Config .= $RD::Site::HttpGate;

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


sub tracking {
    my ($server, $may) = @_;

    my $command = $server eq 'own' ? \&redis : \&ctfd_redis;
    my $mark = length error_log();

    $command->('ACL', 'SETUSER', 'default',
               $may ? '+client|tracking' : '-client|tracking');

    # as long as the old worker is there, it drops what it is told of
    nginx()->reload;

    my $word = $may ? 'ready' : 'CLIENT TRACKING refused.*after 600000ms';

    return wait_until(20, sub {
        nginx()->workers == 1 && substr(error_log(), $mark)
            =~ /rd redis $server tracking: $word/;
    });
}


# Inside, and who he is and what he looks at stands in the cache: the gate asks
# nobody about it any more.
sub inside {
    my ($name, $visitor, $id) = @_;

    my $tunnel = tunnel($visitor, $id);
    ok(ref $tunnel, "$name: a tunnel is open");

    ok(wait_until(10, sub {
           my $mark = length error_log();
           http("GET /http/$id/", visitor => $visitor);
           return substr(error_log(), $mark) =~ /decided at once, ok/;
       }), "$name: the cache knows him");

    return $tunnel;
}

# one of whose desktop nothing is kept yet
sub somebody {
    my $visitor = visitor('p:' . ++$last);

    give_desktop($last, $desktop);
    return $visitor;
}

sub logout {
    my ($name) = @_;

    my $visitor = somebody();
    my $tunnel = inside($name, $visitor, $last);

    ctfd_redis('DEL', "flask_cache_session$visitor->{sid}");
    told($tunnel, 'close 4003 logged out', $name);
}

sub demotion {
    my ($name) = @_;

    my $admin = visitor('admin');
    somebody();
    my $tunnel = inside($name, $admin, $last);

    redis('HSET', "${tag}user:1", 'type', 'user');
    told($tunnel, 'close 4005 not allowed any more', $name);
}

sub stop {
    my ($name) = @_;

    my $visitor = somebody();
    my $tunnel = inside($name, $visitor, $last);

    redis('HSET', "${tag}session:" . sprintf('%032x', $last), 'state',
          'stopping');
    told($tunnel, 'close 4002 stopped', $name);
}

sub more_time {
    my ($name) = @_;

    my $visitor = somebody();
    my $id = sprintf '%032x', $last;
    inside($name, $visitor, $last)->close;

    redis('HSET', "${tag}session:$id", 'extensions_used', 2);
    my $s = api($visitor, 'GET status')->{json}{session};
    is($s->{timer}{extensions_used}, 2, "$name: the page says it at once");
}


ok(tracking('own', 0), 'our server cannot tell what changes');
demotion('demotion');
stop('stop');
more_time('more time');
logout('logout, of which the other server tells');

ok(tracking('ctfd', 0), 'nor can the other');
demotion('demotion, untold');
stop('stop, untold');
logout('logout, untold');

ok(tracking('own', 1), 'the other cannot tell, but ours can');
logout('logout, untold by one');
demotion('demotion, told');
stop('stop, told');

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
