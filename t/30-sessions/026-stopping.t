# A host that cannot be reached says nothing: what is to be removed there stays
# "stopping", and is asked for again.

use RD 'no_plan';
use RD::Site;

$RD::Site::Hosts =~ s/192.0.2.1/127.0.0.1\n    port: 1/;
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:/);

run_tests();

my $tag = 'rd:{' . RD::site() . '}:';
my $host = '127.0.0.1:1';
my $ada = visitor('ada');

redis($_ =~ s/\$TEST_NGINX_SITE/RD::site()/ger)
    for split /\n/, ready_session(2, 1, host => $host);
my $id = session_of($ada)->{id};
redis('SADD', "${tag}slots:$host", $id);

sub tries {
    return scalar(() = error_log() =~ /container not yet removed/g);
}

sub is_stopping {
    my ($what) = @_;

    is(session_of($ada)->{state}, 'stopping', "$what: its session waits");
    is_deeply([slots($host)], [$id], "$what: its place is taken");
    is(scalar(my @rows = history_of($ada)), 0, "$what: nothing is over");
}

is(api($ada, 'POST destroy')->{code}, 200, 'a desktop is to go');
ok(wait_until(30, sub { tries() >= 1 }), 'its host cannot be reached');
redis('ZADD', "${tag}stopping", 1, $id);
ok(wait_until(30, sub { tries() >= 2 }), 'it is tried again');
is_stopping('after a second try');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
