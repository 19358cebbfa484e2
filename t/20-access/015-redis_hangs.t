# Redis hangs: it takes commands and answers none.  One deadline is waited for;
# then who is known goes on at once, and who is not is told so at once.

use RD 'no_plan';
use RD::Place ();
use RD::Serve;
use RD::Site;
use Time::HiRes qw(time);

my $desktop = serve_desktop();

$RD::Site::Http .= "    rd_zone rd:1m;\n    rd_stale_max 10m;\n";
$RD::Site::Config .= $RD::Site::HttpGate;

add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

sub get {
    my ($visitor) = @_;

    return http("GET /http/$visitor->{id}/", visitor => $visitor,
                timeout => 20);
}

sub starved { return RD::Place::starved(nginx()->workers) }

# ten requests, one after the other: their statuses, and the longest
sub ten {
    my ($visitor) = @_;

    my ($longest, %status) = (0);

    for (1 .. 10) {
        my ($begun, $starved) = (time, starved());
        $status{ get($visitor)->{code} }++;
        my $took = time - $begun - (starved() - $starved);
        $longest = $took if $took > $longest;
    }

    return (\%status, $longest);
}

my ($ada, $bob) = map { visitor($_) } qw(ada bob);

give_desktop($_->{id}, $desktop) for $ada, $bob;

ok(wait_until(10, sub {
       my $mark = length error_log();
       get($ada);
       return substr(error_log(), $mark) =~ /decided at once, ok/;
   }), 'one is known');

kill STOP => own_redis()->pid;

# from here on what is kept is no longer known to be true
ok(wait_until(20, sub { error_log() =~ /tracking: connection lost/ }),
   'Redis hangs: nobody tells of changes any more');
ok(wait_until(20, sub {
       get($ada);
       return error_log() =~ /rd redis own: suspect/;
   }), 'and a call has waited for it in vain');

my ($status, $longest) = ten($ada);
is_deeply($status, { 200 => 10 }, 'who is known goes on');
cmp_ok($longest, '<', 1.5 * RD::Place::slow_factor(), 'at once');

($status, $longest) = ten($bob);
is_deeply($status, { 503 => 10 }, 'who is not is asked to come again');
cmp_ok($longest, '<', 1.5 * RD::Place::slow_factor(), 'at once, too');

ok(wait_until(30, sub { error_log() =~ /rd redis own: connection lost/ }),
   'after three deadlines the connection is given up');
($status, $longest) = ten($ada);
is_deeply($status, { 200 => 10 }, 'he still goes on');
cmp_ok($longest, '<', 1.5 * RD::Place::slow_factor(),
       'also while it is being connected to');

kill CONT => own_redis()->pid;
ok(wait_until(20, sub { get($bob)->{code} == 200 }),
   'when it answers again everybody does, untouched');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
