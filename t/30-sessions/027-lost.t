# Who waits for a desktop that is not his any more stops waiting, long before
# the desktop would have had to answer.

use RD 'no_plan';
use IO::Socket::INET;
use RD::Site;

$RD::Site::Http .= "    rd_ready_timeout 10m;\n";
$RD::Site::Hosts =~ s/192.0.2.1/127.0.0.1\n    port: 1/;
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:/);

# a desktop that never says a word
my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0,
                                 Listen => 64) or die "listen: $!";

my $tag = 'rd:{' . RD::site() . '}:';

run_tests();

sub counted {
    my ($what) = @_;

    return scalar(() = error_log() =~ /rd session \w+: $what/g);
}

# a session that starts, and whose worker is gone: ours from now on
sub waited_for {
    my ($user) = @_;

    my $before = counted('taken over while starting');

    give_desktop($user, $mute->sockport, host => '127.0.0.1:1',
                 state => 'starting', attempts => 1, initial_s => 3600);
    my $id = session_of({ id => $user })->{id};
    redis('ZADD', "${tag}lease", 1, $id);

    ok(wait_until(10, sub {
           counted('taken over while starting') > $before;
       }), "session $user: a worker waits for its desktop");

    return $id;
}

{
    my $id = waited_for(3);

    redis('HINCRBY', "${tag}session:$id", 'epoch', 1000);
    ok(wait_until(20, sub {
           counted('is starting now, no longer ours');
       }), 'another worker has taken it over: one is enough');
    is(session_of({ id => 3 })->{state}, 'starting', 'it is left to him');
    ok(error_log() !~ /rd job: remove started/, 'with its container');
}

{
    waited_for(2);

    is(api(visitor('ada'), 'POST destroy')->{code}, 200, 'it is stopped');
    ok(wait_until(20, sub {
           counted('is stopping now, no longer ours');
       }), 'nobody waits for it any more');
}

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
