# What a tunnel costs in memory: nothing for what has gone through it, nothing
# after it ended with something under way, and no buffer while it is idle.

use RD;
use RD::Place qw(free_port slurp);
use RD::Serve;
use RD::Site;
use RD::Tunnel;

use constant {
    TRIPS   => 400,             # of a byte: four events or more
    STUCK   => 150,             # tunnels that end with a buffer full
    WAIT    => 8,               # buffers, for one who needs one
    IDLE    => 60,
    BUFFER  => 100,             # KB, of nginx' own
};

plan(RD::Place::slow_factor() > 1
     ? (skip_all => 'a checker of memory has an economy of its own')
     : 'no_plan');

my $narrow = free_port();

# its sockets take little, so that nginx soon has to keep what comes

$RD::Site::Http .= <<"END";
    server {
        listen 127.0.0.1:$narrow sndbuf=4k;
        server_name localhost;
$RD::Site::Config
    }
END

$RD::Site::Config =~ s/proxy_pass/proxy_buffer_size @{[BUFFER]}k;
            proxy_buffers 4 @{[BUFFER]}k;
            proxy_pass/;

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


# A desktop that greets, then does as $handler says.
sub desktop {
    my ($handler) = @_;

    return serve_tunnel("\x82\x02hi", $handler, many => 1);
}


# KB of the worker that no other process has, used or not
sub data_kb {
    my ($worker) = nginx()->workers;

    return slurp("/proc/$worker/status") =~ /^VmData:\s+(\d+) kB/m && $1;
}

sub costs {
    my ($deed) = @_;

    my $before = data_kb();
    $deed->();
    return data_kb() - $before;
}


my $ada = visitor('ada');

# ---- traffic -----------------------------------------------------------------

{
    give_desktop(2, desktop(sub {
        print {$_[0]} "\x82\x01x" while sysread $_[0], my $bytes, 4096;
    }));

    my $tunnel = tunnel($ada, 2);
    my $answers = 0;
    my $trips = sub {
        for (1 .. $_[0]) {
            $tunnel->websocket_send('binary', 'x');
            $answers++ if $tunnel->websocket_receive(20) eq 'binary x';
        }
    };

    $trips->(20);
    my $kb = costs(sub { $trips->(TRIPS) });
    is($answers, 20 + TRIPS, 'bytes go there and back');
    cmp_ok($kb, '<', TRIPS * 16, 'and leave nothing behind')
        or diag("$kb KB");
    $tunnel->close;
}


# ---- an end with something under way -----------------------------------------

{
    give_desktop(2, desktop(sub {
        print {$_[0]} "\x82\x7f", pack('Q>', 1_000_000), 'x' x 1_000_000;
    }));

    my $stuck = 0;
    my $stick = sub {
        my $mark = nginx()->log_size;
        my $tunnel = tunnel($ada, 2, port => $narrow);

        $stuck++ if wait_until(20, sub {
            nginx()->log($mark) =~ /rd loan: kept, to viewer:[1-9]/;
        });

        return $tunnel;
    };
    my $end = sub { $stick->()->close for 1 .. $_[0] };

    $end->(20);
    my $kb = costs(sub { $end->(STUCK) });
    is($stuck, 20 + STUCK, 'tunnels end in the middle of things');
    cmp_ok($kb, '<', STUCK * 8, 'and leave nothing behind')
        or diag("$kb KB");

    # each has been full once; once more, if too few of them still are
    my $mark = nginx()->log_size;
    ok(wait_until(20, sub {
           my @tunnels = map { $stick->() } 1 .. WAIT + 4;
           $_->close for @tunnels;
           return wait_until(0.5, sub {
               nginx()->log($mark) =~ /rd loan: .*, one is freed/;
           });
       }), 'when many end at once, not all they had is kept for others');
}


# ---- idle --------------------------------------------------------------------

{
    give_desktop(2, desktop(sub { sysread $_[0], my $bytes, 4096 }));

    my @tunnels;
    my $idle = sub { push @tunnels, map { tunnel($ada, 2) } 1 .. $_[0] };

    $idle->(20);
    my $kb = costs(sub { $idle->(IDLE) });
    is(scalar(grep { ref } @tunnels), 20 + IDLE, 'many are open');
    cmp_ok($kb, '<', IDLE * BUFFER / 2, 'and have none of the large buffers')
        or diag("$kb KB");
    $_->close for @tunnels;
}

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
