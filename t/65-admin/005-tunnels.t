# How many tunnels lead into a session, of all workers and machines; and what
# one of them said is forgotten when it was killed.

use RD 'no_plan';
use RD::Events;
use RD::Machine;
use RD::Serve;
use RD::Site;
use RD::Tunnel;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|live|user)/);
allow_log(qr/exited on signal 9/);
workers(2);

run_tests();

my $tag = 'rd:{' . RD::site() . '}:';
my ($admin, $ada, $bob) = map { visitor($_) } qw(admin ada bob);
my $desktop = serve_desktop(many => 1);

for my $user (2, 3) {
    give_desktop($user, $desktop);
    redis('ZADD', "${tag}live", 1000 * time, sprintf '%032x', $user);
}

sub tunnels {
    my ($user) = @_;

    my ($row) = grep { $_->{user_id} == $user }
        @{ admin_api($admin, 'GET containers')->{json}{containers} };
    return $row->{tunnels};
}

# what is said counts for six seconds
sub counts {
    my ($user, $n, $name) = @_;

    my $has;
    wait_until(20, sub { ($has = tunnels($user)) == $n });
    is($has, $n, $name);
}


# ---- two generations of workers ---------------------------------------------

is(tunnels(2), 0, 'nobody looks');

# who was there before a reload keeps his tunnels, who comes after it gets the
# new ones
my @old = nginx()->workers;
my @one = map { tunnel($ada, 2) } 1 .. 3;

counts(2, 3, 'three do');
nginx()->reload;

my @two = (tunnel($ada, 2), tunnel($admin, 2), tunnel($bob, 3));

is(scalar(grep { ref } @one, @two), 6, 'six tunnels are open');
counts(2, 5, 'those of all workers count, an admin\'s too');
counts(3, 1, 'and each for its session');

(shift @one)->close;
counts(2, 4, 'one that is closed does not');


# ---- another machine --------------------------------------------------------

my $other = RD::Machine->start;
my @far = map { tunnel($ada, 2, port => $other->port) } 1 .. 2;

counts(2, 6, 'another machine\'s count, too');


# ---- what can go wrong ------------------------------------------------------

redis('DEL', "${tag}viewers",
      map { "${tag}viewers:$_" } @{ redis('ZRANGE', "${tag}viewers", 0, -1) });

counts(2, 6, 'Redis has forgotten: all is said again');

$other->crash;
counts(2, 4, 'a machine that is gone is not counted');

my %here = map { $_ => 1 } nginx()->workers;

kill KILL => grep { $here{$_} } @old;
counts(2, 2, 'nor are workers that were killed');
counts(3, 1, 'the others go on');

$_->close for grep { ref } @one, @two, @far;
counts(2, 0, 'all are closed');

ok(wait_until(10, sub {
       !grep { /viewers/ } @{ redis('KEYS', "${tag}viewers*") };
   }), 'and nothing is kept of it');


# ---- a worker that leaves ---------------------------------------------------

my $tunnel = tunnel($bob, 3);
counts(3, 1, 'a tunnel');
nginx()->reload;
is($tunnel->websocket_receive(1), 'silence', 'it outlives a reload');
is(tunnels(3), 1, 'and is still counted, once');

$tunnel->close;
counts(3, 0, 'until it is closed');

__DATA__

=== TEST 1: nginx starts; its host refuses at once, so a reload is quick
--- hosts
workspace_hosts:
  - hostname: 127.0.0.1
    port: 1
--- request
GET /remote-desktop/api/status
--- error_code: 401
