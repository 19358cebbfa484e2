# How often one player may press a button.

use RD 'no_plan';
use RD::Site;

$RD::Site::Http =~ s/^\s+rd_rate_limit.*\n//mg;
$RD::Site::Http .= <<'END';
    rd_rate_limit create 2 8s;
    rd_rate_limit destroy 1 1m;
    rd_rate_limit extend 1 30s;
END

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:warn|last|owner|ready|expiry|live|stopping)/,
           qr/\}:(?:events|history)/,
           qr/\}:(?:session|rate|story|slots|queue|lease|host)/);

run_tests();        # nginx runs now, and knows no host that answers

my ($ada, $bob) = map { visitor($_) } qw(ada bob);
my $tag = 'rd:{' . RD::site() . '}:';

sub ready {
    my ($visitor, %more) = @_;

    give_desktop($visitor->{id}, 1, %more);
}

sub no_session {
    my ($visitor) = @_;

    redis('DEL', "${tag}owner:$visitor->{id}");
}


# ---- create -----------------------------------------------------------------

for my $n (1 .. 2) {
    is(api($ada, 'POST create')->{code}, 200, "create $n is done");
    ready($ada);
    is(api($ada, 'POST create')->{code}, 400, 'a click too much is refused')
        for 1 .. 3;
    no_session($ada);
}

my $res = api($ada, 'POST create');

is($res->{code}, 429, 'the third is too many: refused clicks did not count');
is($res->{json}{code}, 'rate_limited', 'says its code');
my $after = $res->{header}{'retry-after'} // 0;
ok($after >= 1 && $after <= 8, 'and when the next is allowed');

is(api($bob, 'POST create')->{code}, 200, 'another player is not concerned');

my $told = time;
ok(wait_until(15, sub { api($ada, 'POST create')->{code} == 200 }),
   'later it is allowed again');
ok(time - $told <= $after + 10, 'not much later than was said');


# ---- extend -----------------------------------------------------------------

ready($ada, extensions_used => 3);
is(api($ada, 'POST extend')->{json}{code}, 'max_extensions',
   'an extension that is refused') for 1 .. 3;

ready($ada);
is(api($ada, 'POST extend')->{code}, 200, 'counts for nothing');
$res = api($ada, 'POST extend');
is($res->{code}, 429, 'the second in its time is too many');
ok($res->{header}{'retry-after'} > 20 && $res->{header}{'retry-after'} <= 30,
   'with a true Retry-After');


# ---- destroy ----------------------------------------------------------------

no_session($ada);
is(api($ada, 'POST destroy')->{code}, 400, 'nothing to destroy') for 1 .. 3;

ready($ada, host => '', container => '');
is(api($ada, 'POST destroy')->{code}, 200, 'the first one is done');
ready($ada);
$res = api($ada, 'POST destroy');
is($res->{code}, 429, 'the second is too many');
ok($res->{header}{'retry-after'} > 50 && $res->{header}{'retry-after'} <= 60,
   'for the rest of a minute');
is(api($ada, 'GET status')->{json}{session}{state}, 'ready',
   'and the desktop is still there');

is(redis('ZCARD', "${tag}rate:destroy:2"), 1, 'what was refused left no mark');


# ---- many at once -----------------------------------------------------------

{
    ready($bob);

    my @clients = map {
        my $client = RD::Client->connect($RD::ServerPort, 5);
        $client->send(RD::Client::compose('POST /remote-desktop/api/extend',
            RD::Visitor::headers($bob, 'POST'), 'close'));
        $client;
    } 1 .. 10;

    my @codes = map { $_->response(40, 'POST')->{code} } @clients;
    is((grep { $_ == 200 } @codes), 1, 'of ten at once one is allowed');
    is((grep { $_ == 429 } @codes), 9, 'and nine are not');
}

__DATA__

=== TEST 1: a limit of something else is refused
--- http_config
rd_rate_limit dance 5;
--- config
--- must_die
--- error_log
invalid value "dance", it must be "create", "destroy" or "extend"


=== TEST 2: and so is one that is no number
--- http_config
rd_rate_limit create many;
--- config
--- must_die
--- error_log
needs a number from 1 to 10000, or "off"


=== TEST 3: a site with narrow limits
--- request
GET /remote-desktop/api/status
--- error_code: 401
