# Who pressed a button finds what he did, also when word of the change reaches
# nginx after his answer: the word is held back here on its way from Redis.

use RD 'no_plan';
use IO::Select;
use IO::Socket::UNIX;
use RD::Place qw(prefix spew);
use RD::Serve;
use RD::Site;

use constant POLLS => 20;

workers(2);

my $held = prefix() . '/held';
my $redis = own_redis()->socket;
my $relay = serve(\&relay, many => 1);
my $desktop = serve_desktop();

$RD::Site::Http =~ s/(rd_redis) [^;]+/$1 127.0.0.1:$relay/;
$RD::Site::Http .= "    rd_zone rd:1m;\n";

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


# One connection to Redis.  What comes back to one that is told of changes waits
# while $held is there.

sub relay {
    my ($client) = @_;

    my $server = IO::Socket::UNIX->new(Peer => $redis) or return;
    my ($told, $waits) = (0, '');

    while (1) {
        my $hold = $told && -e $held;

        if (!$hold && length $waits) {
            print $client $waits;
            $waits = '';
        }

        for my $from (IO::Select->new($client, $server)->can_read(0.02)) {
            sysread($from, my $bytes, 65536) or return;
            $told ||= $from == $client && $bytes =~ /TRACKING/i;

            if ($from == $server && $told && -e $held) {
                $waits .= $bytes;
            } else {
                syswrite($from == $client ? $server : $client, $bytes);
            }
        }
    }
}

sub used {
    my ($visitor) = @_;
    my $s = api($visitor, 'GET status')->{json}{session};

    return $s->{timer}{extensions_used};
}


my $ada = visitor('ada');
give_desktop(2, $desktop, for_gates => 1);

ok(kept_status($ada), 'status asks nobody');

spew($held, '');
is(api($ada, 'POST extend')->{code}, 200, 'more time, and no word of it');
is_deeply([map { used($ada) } 1 .. POLLS], [(1) x POLLS],
          'more time: both workers know');
unlink $held;

ok(kept_status($ada), 'it is kept again');

spew($held, '');
is(api($ada, 'POST destroy')->{code}, 200, 'Stop, and no word of it');
is_deeply([map { api($ada, 'GET status')->{json}{session} } 1 .. POLLS],
          [(undef) x POLLS], 'Stop: both workers know');
unlink $held;

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
