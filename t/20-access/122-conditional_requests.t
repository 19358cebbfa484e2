# The API answers what happened.  No header of a request turns that into a
# cached answer, a part of one, or "precondition failed" for what was done.

use RD 'no_plan';
use RD::Serve;
use RD::Site;

my $config = $RD::Site::Config . <<'END';
        location = /metrics {
            rd_metrics;
        }

        location = /auth-check {
            rd_api;
        }
END

my $desktop = serve_desktop();

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', $config);
    $block->set_value('redis', ready_session(2, $desktop));
});
add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:warn|ready|forced|lease|slots|creates|queue)/);
run_tests();

my ($ada, $admin) = (visitor('ada'), visitor('admin'));

my @conditions = (
    ['If-Match: "x"'], ['If-None-Match: *'], ['If-None-Match: "x", W/"y"'],
    ['If-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT'],
    ['If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'],
    ['Range: bytes=0-0'], ['Range: bytes=0-0', 'If-Range: "x"'],
    ['Range: bytes=900000-'], ['Expect: 100-continue'], ['Expect: nothing'],
);

my @asked = (
    ['GET /remote-desktop/api/status', $ada],
    ['GET /remote-desktop/api/csrf', $ada],
    ['GET /remote-desktop/api/creation-status', $ada],
    ['GET /remote-desktop/api/credentials', $ada],
    ['GET /remote-desktop/api/nowhere', $ada],
    ['GET /remote-desktop/api/status', undef],
    ['POST /remote-desktop/api/extend', $ada],
    ['GET /remote-desktop/admin/api/hosts', $admin],
    ['GET /remote-desktop/admin/api/containers', $admin],
    ['GET /remote-desktop/admin/api/events/recent', $admin],
    ['GET /remote-desktop/vnc/2/websockify', $ada],
    ['GET /metrics', undef],
    ['GET /auth-check', $ada, 'X-User-ID: 2'],
);

for my $asked (@asked) {
    my ($request, $visitor, @more) = @$asked;

    my $ask = sub {
        my $res = http($request, visitor => $visitor,
                       more => join '', map { "$_\n" } @more, @_);

        # what it is about, without the numbers that change by themselves
        my $body = $res->{body} =~ s/\d+/N/gr;
        $body = $body =~ /^# HELP/ ? 'metrics' : $body;
        return "$res->{code} " . ($res->{header}{'content-type'} // '')
               . " $body";
    };

    my $plain = $ask->();

    # three extensions are all there are
    $plain = $ask->() for 1 .. ($request =~ /extend/ ? 3 : 0);

    is($ask->(@$_), $plain, "$request with @$_ is answered as without")
        for @conditions;
}

for my $condition (@conditions) {
    my $client = RD::Client->connect($RD::ServerPort, 5);

    $client->send(RD::Client::compose(
        'GET /remote-desktop/admin/api/events/stream',
        join("\n", @$condition, RD::Visitor::headers($admin, 'GET')),
        'close'));

    my $deadline = time + 10;
    1 while $client->{in} !~ /event-stream/ && $client->fill($deadline);
    $client->close;

    $client->{in} =~ s/\AHTTP\/1\.1 100 Continue\r\n\r\n//;

    like($client->{in},
         qr{\AHTTP/1\.1 200 .*^Content-Type: text/event-stream}ms,
         "the event stream begins with @$condition");
}

# the visitor whose browser sent it would be told that nothing was done
my $bob = visitor('bob');
my $res = api($bob, 'POST create', more => qq(If-Match: "x"\n));
is($res->{code}, 200, 'what was created is no failed precondition')
    or diag($res->{body});
is($res->{json}{status}, 'creating', 'the answer says what was done');
api($bob, 'POST destroy', more => qq(If-Match: "x"\n));


# ---- the nonce ---------------------------------------------------------------

sub csrf {
    my $res = http('GET /remote-desktop/api/csrf', visitor => $ada,
                   more => join '', map { "$_\n" } @_);
    return $res->{body} =~ /"nonce"/ ? 'nonce'
           : $res->{body} =~ /"code":"(\w+)"/ ? "$res->{code} $1" : 'nothing';
}

is(csrf(), 'nonce', 'a script without an Origin gets the nonce');
is(csrf('Origin: http://localhost'), 'nonce', 'so does our own page');
is(csrf('Sec-Fetch-Site: same-origin'), 'nonce', 'however it says so');

is(csrf("Origin: $_"), '403 bad_origin', "a page of $_ does not")
    for 'http://evil.example', 'null', 'http://localhost:1',
        'http://localhost.evil.example';
is(csrf("Sec-Fetch-Site: $_"), '403 bad_origin', "nor one that is $_")
    for qw(cross-site same-site none);
is(csrf('Origin: http://evil.example', 'Sec-Fetch-Site: same-origin'),
   '403 bad_origin', 'nor one that says both');

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
