# Every cause of a refusal that an operator can mend: what the visitor gets, the
# line in the log at the default level of nginx, and the counter.  The table is
# that of docs/TROUBLESHOOTING.md.

use RD 'no_plan';
use RD::Client;
use RD::Place qw(prefix slurp spew top);
use RD::Serve;
use RD::Site;
use RD::Visitor;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);

my $gate = 'GET /remote-desktop/vnc/2/websockify';
my $status = 'GET /remote-desktop/api/status';
my $secret = 'pLaNtEd' x 6;
my $text_key = 'a text key of CTFd';

spew(prefix() . '/conf/signed', $secret);
spew(prefix() . '/conf/text-key', "$text_key\n");

log_level('warn');
workers(2);
planted_secret($secret, $text_key, 'pLaNtEd8');
leave_keys(qr/./);

$RD::Site::Http .= '    rd_signed_secret_file ' . prefix() . "/conf/signed;\n";
$RD::Site::Config .= <<'END';
        location /signed/ {
            rd_api;
            rd_identity signed;
        }

        location = /metrics {
            rd_metrics;
        }
END

add_block_preprocessor(\&RD::Site::preprocess);
run_tests();

my $base = nginx->{text};
my $desktop = serve_desktop(many => 1);
give_desktop(2, $desktop, for_gates => 1);


# ---- the table ---------------------------------------------------------------

# code: of the error and the HTTP status; page: "reason" of the answer
# by, reason: of the counter; line: what follows "rd refusal: REASON: "

my @causes = (
    { name => 'the key file has a newline that CTFd\'s key has not',
      conf => sub { s/rd_ctfd_secret_file \S+;/rd_ctfd_secret_file text-key;/ },
      cookie => sub { 'session=' . RD::Visitor::sign(RD::Visitor::uuid(),
                                                     $text_key) },
      reason => 'cookie_signature', page => 'cookie_refused',
      line => [qr/wrong signature/, qr/the key ends in a newline/,
               qr/rd_ctfd_secret_file/] },

    { name => 'the key file is another key',
      visitor => 'ada forged',
      reason => 'cookie_signature', page => 'cookie_refused',
      line => [qr/a request sent a cookie of good form with a wrong /,
               qr/signature: expected cookie "session", client 127\.0\.0\.1:/,
               qr/is rd_ctfd_secret_file CTFd's SECRET_KEY/] },

    { name => 'the same at the gate',
      request => $gate, socket => 1, visitor => 'ada forged',
      by => 'gate', reason => 'cookie_signature', page => 'cookie_refused',
      line => qr/wrong signature/ },

    { name => 'rd_ctfd_cookie is not the name of CTFd\'s cookie',
      conf => sub { s/(rd_ctfd_secret_file)/rd_ctfd_cookie ctf; $1/ },
      visitor => 'ada',
      reason => 'cookie_name', page => 'no_cookie',
      line => [qr/expected cookie "ctf", seen as "session"/,
               qr/set rd_ctfd_cookie/] },

    { name => 'another application sets a cookie of the same name',
      visitor => 'ada', before => 'session=eyJfZmxhc2hlcyI6W119.Zx',
      reason => 'cookie_shadowed', page => 'cookie_refused',
      line => qr/two cookies of one name.*SESSION_COOKIE_NAME/ },

    { name => 'the cookie is one of another application',
      cookie => sub { 'session=eyJfZmxhc2hlcyI6W119.Zx' },
      reason => 'cookie_malformed', page => 'cookie_refused',
      line => qr/not in CTFd's form.*seen 23 characters, expected 64/ },

    { name => 'CTFd caches in files, or in another Redis',
      visitor => 'ada gone',
      reason => 'session_unknown', page => 'cookie_refused',
      line => [qr/no such session/, qr/key "flask_cache_session<id>" in /,
               qr/database 0 of unix:/, qr/REDIS_URL/] },

    { name => 'db= is another database',
      conf => sub { s/(rd_ctfd_redis \S+);/$1 db=3;/ }, visitor => 'ada',
      reason => 'session_unknown', page => 'cookie_refused',
      evidence => qr/\[warn\]\ .*session_unknown:\ keys\ of\ this\ Redis
                     \ by\ database:\ \d+\ in\ 0;\ rd_ctfd_redis\ reads
                     \ database\ 3/x,
      line => [qr/in database 3 of /, qr/db= and session_prefix= of rd_ctfd/] },

    { name => 'session_prefix= is another one',
      conf => sub { s/(rd_ctfd_redis \S+);/$1 session_prefix=ctf_;/ },
      visitor => 'ada',
      reason => 'session_unknown', page => 'cookie_refused',
      line => qr/expected key "ctf_<id>"/ },

    { name => 'the session is msgpack',
      visitor => 'ada', value => "\x82\xa2id\x02\xa5nonce\xa0",
      reason => 'session_unreadable', page => 'cookie_refused',
      line => qr/cannot be read.*value of 12 bytes that begins with 0x82/ },

    { name => 'the session is empty',
      visitor => 'ada', value => '',
      reason => 'session_unreadable', page => 'cookie_refused',
      line => qr/cannot be read/ },

    { name => 'the record has another password',
      visitor => 'ada stale',
      reason => 'record_hash', page => 'cookie_refused',
      line => [qr/another password/, qr/record rd:\{test\}:user:2/,
               qr/docs\/REDIS\.md/] },

    { name => 'CTFd is below /ctf: the cookie does not come back from login',
      request => "$status?after=login",
      reason => 'no_cookie_after_login', page => 'no_cookie',
      line => qr/seen none.*APPLICATION_ROOT=\/ctf.*proxy_cookie_path/ },

    { name => 'nobody has a cookie',
      times => 60,
      reason => 'no_cookie', page => 'no_cookie',
      line => [qr/60 requests in the last 60s sent no CTFd cookie, and no /,
               qr/other request had one/, qr/APPLICATION_ROOT/] },

    { name => 'a proxy changes Host',
      request => $gate, socket => 1, visitor => 'ada',
      more => "Host: 127.0.0.1:8000\nOrigin: https://ctf.test:8443\n",
      code => 403, by => 'gate', reason => 'bad_origin',
      line => [qr/seen Origin "https:\/\/ctf\.test:8443", expected that of /,
               qr/Host "127\.0\.0\.1:8000"/, qr/rd_allowed_origins/] },

    { name => 'the page asks why, by a plain GET',
      request => $gate, visitor => 'ada',
      more => "Host: 127.0.0.1:8000\nX-RD-Origin: https://ctf.test:8443\n",
      code => 403, by => 'gate', reason => 'bad_origin',
      line => qr/"https:\/\/ctf\.test:8443".*"127\.0\.0\.1:8000"/ },

    { name => 'the site has another address than rd_allowed_origins says',
      conf => sub { s/(rd_site)/rd_allowed_origins https:\/\/a.test; $1/ },
      request => $gate, socket => 1, visitor => 'ada',
      code => 403, by => 'gate', reason => 'bad_origin',
      line => qr/"http:\/\/localhost".*one of the 1 of rd_allowed_origins/ },

    { name => 'a proxy does not pass Upgrade on',
      request => "$gate HTTP/1.0", visitor => 'ada',
      more => "Origin: http://localhost\nSec-WebSocket-Key: x\n",
      code => 426, by => 'gate', reason => 'upgrade_lost',
      line => [qr/Upgrade none, Connection "close", HTTP\/1\.0/,
               qr/proxy_http_version 1\.1/] },

    { name => 'a proxy asks auth-check without X-User-ID',
      request => 'GET /remote-desktop/api/auth-check', visitor => 'ada',
      code => 403, reason => 'owner_missing',
      line => qr/X-User-ID none.*docs\/API\.md/ },

    { name => 'records have the raw "verified"',
      times => 10, visitor => 'ada unverified', code => 403,
      request => 'GET /remote-desktop/api/auth-check',
      more => "X-User-ID: 2\n", reason => 'not_verified',
      line => [qr/10 requests/, qr/record rd:\{test\}:user:2/,
               qr/rd_require_verified/] },

    { name => 'a record was there and is gone',
      visitor => 'ivo:88', code => 403, reason => 'account_gone',
      before_ask => sub {
          my ($keys) = @_;
          redis('SET', $keys->[2], 1);
          redis('DEL', $keys->[1]);
      },
      line => [qr/has no record/, qr/record rd:\{test\}:user:88/,
               qr/docs\/REDIS\.md/] },

    { name => 'an application does not sign',
      request => 'GET /signed/status',
      reason => 'signature_missing', line => qr/rd_identity/ },

    { name => 'an application signs in another form',
      request => 'GET /signed/status', more => "X-RD-Signature: v2:1\n",
      reason => 'signature_malformed', line => qr/docs\/SIGNED\.md/ },

    { name => 'an application has another secret',
      request => 'GET /signed/status', sign => { secret => 'another' x 6 },
      reason => 'signature_wrong', line => qr/rd_signed_secret_file/ },

    { name => 'the clock of an application is wrong',
      request => 'GET /signed/status', sign => { ago => 3600 },
      reason => 'signature_old',
      line => [qr/seen a time 36\d{5} ms before ours, expected at most /,
               qr/30000 ms/, qr/rd_signed_window/] },

    { name => 'an application uses a nonce twice',
      request => 'GET /signed/status', sign => { nonce => 'n' x 20 },
      before_that => 1,
      reason => 'signature_replayed', line => qr/a nonce for each call/ },

    # what needs no operator is counted only

    { name => 'nobody is logged in',
      visitor => 'ada anonymous',
      reason => 'logged_out', page => 'logged_out' },

    { name => 'a visitor of somebody else\'s desktop',
      request => $gate, socket => 1, visitor => 'bob',
      code => 403, by => 'gate', reason => 'forbidden' },

    { name => 'a banned visitor', visitor => 'ada banned',
      code => 403, reason => 'banned' },

    { name => 'a form without a token',
      request => 'POST /remote-desktop/api/destroy', visitor => 'ada nocsrf',
      code => 403, reason => 'csrf' },

    { name => 'an unknown path', visitor => 'ada',
      request => 'GET /remote-desktop/api/nothing',
      code => 404, reason => 'not_found' },

    { name => 'a stop without a desktop', visitor => 'bob',
      request => 'POST /remote-desktop/api/destroy',
      code => 400, reason => 'no_session' },
);

for my $cause (@causes) {
    walk($cause);
}

sub walk {
    my ($cause) = @_;

    my ($name, $by) = ($cause->{name}, $cause->{by} // 'api');
    my $counter = qq(ngx_rd_refusals_total{by="$by",)
                  . qq(reason="$cause->{reason}"});

    # a start anew, so that no line was written a moment ago

    local $_ = $base;
    $cause->{conf}->() if $cause->{conf};
    s{ text-key;}{' ' . prefix() . '/conf/text-key;'}e;
    nginx->stop;
    nginx->start($_) == 0 or die "$name: " . nginx->log;

    my $mark = nginx->log_size;
    my $visitor = $cause->{visitor} ? visitor($cause->{visitor}) : undef;

    ctfd_redis('SET', $visitor->{keys}[0], $cause->{value})
        if defined $cause->{value};

    $cause->{before_ask}->($visitor->{keys}) if $cause->{before_ask};
    ask($cause, $visitor) if $cause->{before_that};

    my $res;
    $res = ask($cause, $visitor) for 1 .. $cause->{times} // 1;

    is($res->{code}, $cause->{code} // 401, "$name: status");

    my ($page) = $res->{body} =~ /"reason":"(\w+)"/;
    is($page, $cause->{page}, "$name: reason for the page");

    my ($n) = http('GET /metrics')->{body} =~ /^\Q$counter\E (\d+)$/m;
    is($n, $cause->{times} // 1, "$name: counter");

    if (my $evidence = $cause->{evidence}) {
        ok(wait_until(10, sub { nginx->log($mark) =~ $evidence }),
           "$name: what Redis has is logged");
    }

    my @lines = grep { /rd refusal: / && !/this Redis/ }
                split /\n/, nginx->log($mark);

    if ($cause->{line}) {
        my $line = $cause->{line};
        my $parts = join '.*', ref $line eq 'ARRAY' ? @$line : $line;

        is(scalar @lines, 1, "$name: one line in the log");
        like($lines[0] // '',
             qr/\[warn\] .*rd refusal: $cause->{reason}: .*?$parts/,
             "$name: the line names the cause and the setting");

    } else {
        is("@lines", '', "$name: no line in the log");
    }
}

sub ask {
    my ($cause, $visitor) = @_;

    my $request = $cause->{request} // $status;
    my $more = $cause->{more} // '';
    my $cookie = $cause->{cookie} ? $cause->{cookie}->() : undef;

    if ($cause->{before}) {
        $cookie = "$cause->{before}; session=$visitor->{cookie}";
        undef $visitor;
    }

    $more .= "Cookie: $cookie\n" if defined $cookie;
    $more .= signature($request, %{ $cause->{sign} }) if $cause->{sign};

    $more = RD::Client->connect($ServerPort, 5)->websocket_headers($more)
        if $cause->{socket};

    return http($request, visitor => $visitor, more => $more);
}

sub signature {
    my ($request, %as) = @_;

    my ($method, $target) = split ' ', $request;
    my $time = 1000 * (time - ($as{ago} // 0));
    my $nonce = $as{nonce} // sprintf 'nonce-%016d', $$;

    my $mac = hmac_sha256_hex(join("\n", 'v1', $time, $nonce, $method, $target,
                                   2, 'user', sha256_hex('')),
                              $as{secret} // $secret);

    return "X-RD-Signature: v1:$time:$nonce:2:user:$mac\n";
}


# ---- every reason is in the table, here and in the docs ----------------------

my ($list) = slurp(top() . '/src/base/ngx_rd_reason.h')
             =~ /(#define NGX_RD_REASONS.*?)\n\n\n/s;
my %after = $list =~ /X\(\w+, "(\w+)", (\d+)/g;
delete $after{none};

my %walked = map { $_->{reason} => 1 } @causes;
my $page = slurp(top() . '/docs/TROUBLESHOOTING.md');

for my $reason (sort keys %after) {
    ok($walked{$reason}, "$reason: its cause was walked");
    like($page, qr/^\| `$reason` \|/m, "$reason: the docs have it");
}


# ---- a plain GET gets what the WebSocket would get ---------------------------

nginx->stop;
nginx->start($base);

sub why {
    my ($visitor, $owner, $more) = @_;

    my $res = http("GET /remote-desktop/vnc/$owner/websockify",
                   visitor => $visitor && visitor($visitor),
                   more => $more // "X-RD-Origin: http://localhost\n");
    my ($code) = $res->{body} =~ /"code":"(\w+)"/;

    return "$res->{code} $code";
}

is(why('ada', 2), '426 websocket_required', 'asked why: nothing is wrong');
is(why('ada', 2, ''), '426 websocket_required', '... also without an origin');
is(why('bob', 2), '403 forbidden', 'asked why: another owner');
is(why('bob', 3), '404 no_session', 'asked why: no desktop');
is(why('ada gone', 2), '401 login_required', 'asked why: not logged in');
is(why('ada', 2, "Origin: http://evil.test\nX-RD-Origin: http://localhost\n"),
   '403 bad_origin', 'X-RD-Origin does not stand above Origin');

my $res = http($gate, visitor => visitor('ada'),
    more => RD::Client->connect($ServerPort, 5)->websocket_headers(
        "Origin: http://evil.test\nX-RD-Origin: http://localhost"));
is($res->{code}, 403, 'X-RD-Origin lets no WebSocket in');


# ---- one directive mends a changed Host --------------------------------------

nginx->stop;
nginx->start($base =~ s{(rd_site)}{rd_allowed_origins http://b.test
    https://CTF.test:8443; $1}r);

sub handshake {
    my ($origin) = @_;

    return http($gate, visitor => visitor('ada'), timeout => 3,
        more => RD::Client->connect($ServerPort, 5)->websocket_headers(
            "Host: 127.0.0.1:8000\nOrigin: $origin"))->{code};
}

is(handshake('https://ctf.test:8443'), 101, 'a listed origin gets in');
is(handshake($_), 403, "$_ does not")
    for 'http://ctf.test:8443', 'https://ctf.test', 'https://ctf.test:84430',
        'http://127.0.0.1:8000';


# ---- nobody floods the log, nor writes raw bytes into it ---------------------

nginx->stop;
nginx->start($base =~ s{(rd_site)}{rd_refusal_interval 1s; $1}r);

my $mark = nginx->log_size;
my $evil = "http://\x1b]0;x\x07\"\\" . 'e' x 3000;

http($gate, more => RD::Client->connect($ServerPort, 5)->websocket_headers(
         "Origin: $evil")) for 1 .. 30;

my @lines = grep { /rd refusal/ } split /\n/, nginx->log($mark);
cmp_ok(scalar @lines, '<=', 3, 'thirty hostile requests make few lines');
like($lines[0], qr/"http:\/\/\\x1b\]0;x\\x07\\x22\\x5ce+\.\.\.", /,
     'what they say is escaped and cut');
cmp_ok(length $lines[0], '<', 600, 'and the line stays short');

ok(wait_until(10, sub {
    my $n = 0;
    $n += $_ for map { /bad_origin: (?:a|(\d+)) request/ ? $1 // 1 : () }
                 split /\n/, nginx->log($mark);
    return $n == 30;
}), 'a last line says how many they were, when nothing comes any more');

$mark = nginx->log_size;
nginx->stop;
nginx->start($base =~ s{(rd_site)}{rd_refusal_interval 0; $1}r);
http($status, visitor => visitor('ada forged'));
unlike(nginx->log($mark), qr/rd refusal/, 'rd_refusal_interval 0 writes none');

__DATA__

=== TEST 1: nginx starts, and has a counter at zero for each reason
--- request
GET /metrics
--- response_body_like
ngx_rd_refusals_total\{by="api",reason="cookie_signature"\} 0
