# Calls that a trusted application signs: believed once, for just this
# request; everything else is refused, whatever cookie comes along.

use RD 'no_plan';
use RD::Place qw(prefix spew top);
use RD::Site;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use JSON::PP ();

my $secret = '+' . 'pLaNtEd' x 6;
my $next = 'a-new-one-' . 'pLaNtEd' x 6;

# one with an editor's line feed, one without
spew(prefix() . '/signed-old', "$secret\n");
spew(prefix() . '/signed-new', $next);
spew(prefix() . '/signed-short', 'x' x 31);
spew(prefix() . '/signed-empty', '');

planted_secret($secret, $next);
leave_keys(qr/\}:(?:nonce:[\w-]+|warn|story|session|owner|ready|last|live)/,
           qr/\}:(?:expiry|events)/);

my $http = $RD::Site::Http
    . "    rd_signed_secret_file signed-old signed-new;\n"
    . "    rd_events_keepalive 1s;\n";

my $config = $RD::Site::Config . <<'END';
        location /signed/ {
            rd_api;
            rd_identity signed;
        }

        location /both/ {
            rd_api;
            rd_identity ctfd signed;
        }

        location /watch/ {
            rd_api admin;
            rd_identity signed;
        }

        location /sub/ {
            auth_request /signed/status;
            try_files /nothing =404;
        }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config',
        $http =~ s{signed-(old|new)}{prefix() . "/signed-$1"}ger)
        if !defined $block->http_config;
    $block->set_value('http_config',
        $block->http_config =~ s{ \./}{' ' . prefix() . '/'}ger);
    $block->set_value('config', $config) if !defined $block->config;
    $block->set_value('redis', ready_session(2, 1));
});
add_block_preprocessor(\&RD::Site::preprocess);

run_tests();

my $count = 0;

sub nonce { return sprintf 'nonce-%08d-%06d', $$, ++$count }

sub now_ms { return 1000 * time }


# the header for a request; %as says what is signed instead

sub signature {
    my ($request, %as) = @_;

    my ($method, $target) = split ' ', $request;
    my %sign = (version => 'v1', time => now_ms(), nonce => nonce(),
                method => $method, target => $target, user => 2,
                role => 'user', body => '', secret => $secret, %as);

    my $mac = hmac_sha256_hex(join("\n",
        @sign{qw(version time nonce method target user role)},
        sha256_hex($sign{body})), $sign{secret});

    return 'X-RD-Signature: '
        . join ':', @sign{qw(version time nonce user role)}, $mac;
}


sub call {
    my ($request, $header, %option) = @_;

    my $res = http($request, more => "$header\n", %option);
    $res->{json} = eval { JSON::PP::decode_json($res->{body}) } // {};
    return $res;
}


sub refused {
    my ($name, $code, $request, $header, %option) = @_;

    my $res = call($request, $header, %option);
    is("$res->{code} $res->{json}{code}", "401 $code", $name);
}


# ---- what is believed --------------------------------------------------------

my $ada = visitor('ada');
my $admin = visitor('admin');

my $res = call('GET /signed/status', signature('GET /signed/status'));
is($res->{code}, 200, 'a signed call is answered');
is($res->{json}{user}{id}, 2, 'to the user it names');
is($res->{json}{user}{name}, 'ada', 'with the name of his record');
is($res->{json}{session}{state}, 'ready', 'and his session');

is(call('GET /signed/status?a=%2f&b=1',
        signature('GET /signed/status?a=%2f&b=1'))->{code}, 200,
   'path and query are signed as they are sent');
is(call('GET /signed//x/../status', signature('GET /signed//x/../status'))
       ->{code}, 200, 'not as nginx reads them');
is(call('HEAD /signed/status', signature('HEAD /signed/status'))->{code}, 200,
   'HEAD is signed as HEAD');
is(call('GET /signed/status', signature('GET /signed/status',
                                        secret => $next))->{code}, 200,
   'the second secret counts as well, so secrets can be changed');

$res = call('POST /signed/extend', signature('POST /signed/extend'));
is($res->{json}{timer}{extensions_used}, 1, 'a POST needs no CSRF token');

is(call('GET /both/status', signature('GET /both/status'))->{code}, 200,
   'where both are allowed a signature counts');
is(http('GET /both/status', visitor => $admin)->{code}, 200,
   'and a cookie alone, too');


# ---- a body ------------------------------------------------------------------

sub post {
    my ($body, $header) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    $client->send("POST /signed/extend HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\nContent-Length: " . length($body)
        . "\r\n$header\r\n\r\n$body");
    my $got = $client->response(20, 'POST');
    $client->close;
    return $got->{code};
}

for my $body ('{"a":1}', 'x' x 200_000) {
    my $length = length $body;
    is(post($body, signature('POST /signed/extend', body => $body)), 200,
       "a body of $length bytes is signed, too");
    is(post($body, signature('POST /signed/extend', body => "$body ")), 401,
       'and believed only as it was signed');
}


# ---- what is not -------------------------------------------------------------

refused('no signature', 'signature_missing', 'GET /signed/status',
        'X-Harmless: yes');
refused('a cookie is none', 'signature_missing', 'GET /signed/status',
        'X-Harmless: yes', visitor => $ada);
refused('nor is a name', 'signature_missing', 'GET /signed/status',
        'X-User-ID: 2');
refused('another form', 'signature_malformed', 'GET /signed/status',
        'X-RD-Signature: v1:2:admin');
refused('another version', 'signature_malformed', 'GET /signed/status',
        signature('GET /signed/status', version => 'v2'));

my $status = 'GET /signed/status';

refused('another secret', 'signature_wrong', $status,
        signature($status, secret => 'x' x 32));
refused('another method', 'signature_wrong', $status,
        signature($status, method => 'POST'));
refused('another path', 'signature_wrong', $status,
        signature($status, target => '/signed/credentials'));
refused('another query', 'signature_wrong', "$status?a=2",
        signature($status, target => '/signed/status?a=1'));
refused('another user', 'signature_wrong', $status,
        signature($status) =~ s/:2:user:/:3:user:/r);
refused('another role', 'signature_wrong', $status,
        signature($status) =~ s/:2:user:/:2:admin:/r);
refused('another nonce', 'signature_wrong', $status,
        signature($status) =~ s/nonce/NONCE/r);
refused('a cookie makes no wrong signature good', 'signature_wrong',
        'GET /both/status', signature($status), visitor => $admin);

refused('a minute old', 'signature_old', $status,
        signature($status, time => now_ms() - 60_000));
refused('a minute ahead', 'signature_old', $status,
        signature($status, time => now_ms() + 60_000));

is(call('GET /remote-desktop/api/status',
        signature('GET /remote-desktop/api/status'))->{json}{code},
   'login_required', 'a location of cookies does not look at it');

{
    my $client = RD::Client->connect($RD::ServerPort, 5);
    $client->send("GET /sub/x HTTP/1.1\r\nHost: localhost\r\n"
        . "Connection: close\r\n" . signature('GET /sub/x') . "\r\n\r\n");
    is($client->response(20, 'GET')->{code}, 401,
       'what was signed for a request is no signature for its subrequest');
    $client->close;
}


# ---- once --------------------------------------------------------------------

my $once = signature($status);

is(call($status, $once)->{code}, 200, 'a header is good');
refused('once', 'signature_replayed', $status, $once);
refused('its nonce is used up, whoever signs', 'signature_replayed', $status,
        signature($status, user => 3, nonce => (split /:/, $once)[3]));

{
    my $header = signature('POST /signed/extend');
    my @clients = map {
        my $client = RD::Client->connect($RD::ServerPort, 5);
        $client->send("POST /signed/extend HTTP/1.1\r\nHost: localhost\r\n"
            . "Connection: close\r\n$header\r\n\r\n");
        $client;
    } 1 .. 10;

    is((grep { $_->response(20, 'POST')->{code} != 401 } @clients), 1,
       'of ten at the same time one counts');
    $_->close for @clients;
}

my ($key) = map { @$_ } redis('KEYS', 'rd:{test}:nonce:*');
my $ttl = redis('PTTL', $key);
ok($ttl > 0 && $ttl <= 61_000, 'nonces are forgotten after two windows');


# ---- the record still counts -------------------------------------------------

sub record { redis('HSET', 'rd:{test}:user:2', @_) }

record(banned => 1);
is(call($status, signature($status))->{json}{code}, 'banned',
   'whom the record bans is banned');
record(banned => 0);


my $check = 'GET /signed/auth-check';

sub may_enter {
    my ($user, $role) = @_;

    return http($check, more => signature($check, user => $user,
                                          role => $role)
                                . "\nX-User-ID: 2\n")->{code};
}

is(may_enter(2, 'user'), 200, 'a player may see his own desktop');
is(may_enter(1, 'user'), 403, 'who is signed as a player is no admin');
is(may_enter(1, 'admin'), 200, 'an admin may see it');
is(may_enter(77, 'admin'), 200, 'also one nobody wrote a record of');
visitor('bob');
is(may_enter(3, 'admin'), 403, 'but not whom the record calls a player');


# ---- a stream ----------------------------------------------------------------

{
    my $stream = 'GET /watch/events/stream';
    my $heard = call($stream, signature($stream, user => 1, role => 'admin'));

    ok($heard->{complete}, 'whoever listens has to sign again after a while');
    like($heard->{body}, qr/^retry: 1000\n: please sign again\n\n\z/m,
         'as he is told');
}


# ---- Redis away --------------------------------------------------------------

{
    kill STOP => own_redis()->pid;
    my $paused = call($status, signature($status), timeout => 10);
    kill CONT => own_redis()->pid;
    is($paused->{json}{code}, 'redis_timeout',
       'without the memory for nonces nothing is believed');
    is($paused->{code}, 503, 'and the caller is told to come again');
}

ok(wait_until(10, sub {
       call($status, signature($status))->{code} == 200;
   }), 'and it recovers');


# ---- the tool ----------------------------------------------------------------

{
    my @command = (top() . '/tools/rd_sign.py', '--secret-file',
                   prefix() . '/signed-old', '--user', 2, '--role', 'user',
                   split ' ', $status);
    open my $out, '-|', @command or die "rd_sign.py: $!";
    chomp(my $header = <$out> // '');
    close $out;

    is(call($status, $header)->{json}{user}{id}, 2,
       'what tools/rd_sign.py signs is believed');
}

ok(error_log() =~ /rd api: refused, signature_wrong/, 'refusals are logged');

__DATA__

=== TEST 1: a short secret is none
--- http_config
rd_signed_secret_file ./signed-short;
--- must_die
--- error_log
has fewer than 32 bytes


=== TEST 2: an empty file is named
--- http_config
rd_signed_secret_file ./signed-empty;
--- must_die
--- error_log
signed-empty" is empty


=== TEST 3: a second rd_signed_secret_file is refused
--- http_config
rd_signed_secret_file ./signed-old;
rd_signed_secret_file ./signed-new;
--- must_die
--- error_log
"rd_signed_secret_file" directive is duplicate


=== TEST 4: signed without a secret is refused
--- http_config eval: $RD::Site::Http
--- config
location /s/ { rd_api; rd_identity signed; }
--- must_die
--- error_log
"rd_identity signed" in location "/s/" needs "rd_signed_secret_file"


=== TEST 5: another word is refused
--- http_config
rd_identity anybody;
--- must_die
--- error_log
invalid value "anybody"


=== TEST 6: the window is a time
--- http_config
rd_signed_window soon;
--- must_die
--- error_log
"rd_signed_window" directive invalid value


=== TEST 7: a location that wants a signature says so
--- request
GET /signed/status
--- error_code: 401
--- response_body_like: "code":"signature_missing"
