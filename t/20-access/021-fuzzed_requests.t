# Thousands of bent requests against everything a visitor can reach: nginx
# lives, every answer is one, none says 500, and nothing that should have been
# refused came to a desktop.
#
# RD_FUZZ_SEED=n repeats a run, RD_FUZZ_SECONDS=n makes it as long as that.

use RD 'no_plan';
use RD::Fuzz qw(fuzz_answers fuzz_case fuzz_talk);
use RD::Place qw(free_port prefix slow_factor spew);
use RD::Recorder;
use RD::Site;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use Time::HiRes qw(time);

use constant { BATCH => 40, BATCHES => $ENV{RD_SANITIZED} ? 120 : 24 };

my $seed = $ENV{RD_FUZZ_SEED} // ($ENV{RD_FUZZ_SECONDS} ? time % 1e6 : 5);
my $seconds = $ENV{RD_FUZZ_SECONDS} // 0;

my ($adas, $bobs) = record(2);
my $signed = 'pLaNtEd-' x 6;

spew(prefix() . '/signed', $signed);
spew(prefix() . '/html/asked/x', "hello\n");

my $http = $RD::Site::Http
    . "    rd_signed_secret_file @{[prefix()]}/signed;\n";

my $config = $RD::Site::Config . <<'END';
        location ~ ^/web/([^/]+)/(.*)$ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend/$2;
        }

        location /signed/ {
            rd_api;
            rd_identity signed;
        }

        location = /metrics {
            rd_metrics;
        }

        location /asked/ {
            auth_request /remote-desktop/api/auth-check;
        }
END

# a host that refuses at once: nothing is under way when nginx ends
$RD::Site::Hosts =~ s/192.0.2.1/127.0.0.1\n    port: 1/;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http);
    $block->set_value('config', $config);
    $block->set_value('redis', desktops());
});
add_block_preprocessor(\&RD::Site::preprocess);

# nginx itself prints lines it cannot read, whatever is in them
log_level('info');
allow_log(qr/holds a secret: .* client (?:sent|intended)/,
          qr/holds a secret: .* request: "/,
          qr/holds a secret: .* host: "/);
planted_secret('pLaNtEd8', $signed);
leave_keys(qr/\}:(?:session|owner|ready|last|live|expiry|stopping)/,
           qr/\}:(?:events|history)/,
           qr/\}:(?:warn|story|host|sweep|rate|queue|nonce|pace|probe|seq)/,
           qr/\}:(?:settings|audit)/);
run_tests();

srand $seed;
my ($ada, $admin, $forged, $gone)
    = map { visitor($_) } 'ada', 'admin', 'eve forged', 'dan gone';

my @all = (
    ['/remote-desktop/vnc/2/websockify', 'tunnel'],
    ['/remote-desktop/vnc/3/websockify', 'tunnel'],
    ['/remote-desktop/terminal/2/ws', 'tunnel'],
    ['/web/2/x/y?z', 'GET'], ['/web/3/', 'GET'], ['/web/2/up', 'POST'],
    (map { ["/remote-desktop/api/$_", 'GET'] }
         qw(status creation-status credentials csrf auth-check)),
    (map { ["/remote-desktop/api/$_", 'POST'] } qw(create destroy extend)),
    (map { ["/remote-desktop/admin/api/$_", 'GET'] }
         qw(containers hosts explain?user_id=2 events/stream events/recent)),
    (map { ["/remote-desktop/admin/api/$_", 'POST'] }
         qw(kill kill-all extend peek enable disable hosts/drain)),
    (map { ["/signed/$_", 'GET'] } qw(status auth-check)),
    ['/signed/extend', 'POST'], ['/metrics', 'GET'], ['/asked/x', 'GET'],
);

my @gates = grep { $_->[1] eq 'tunnel' } @all;
my @host = (['Host', 'localhost']);

my @claims = (
    ['X-User-ID', 2], ['X-Forwarded-User', 'admin'], ['X-Forwarded-For', '::1'],
    ['X-Forwarded-Host', 'localhost'], ['X-Original-URI', '/vnc/2'],
    ['X-Original-URL', '/remote-desktop/vnc/2/websockify'],
    ['X-VNC-Host', '127.0.0.1'], ['X-VNC-Port', $adas], ['Remote-User', 'ada'],
    ['Authorization', 'Basic YWRhOmFkYQ=='], ['Cookie', 'session='],
    ['Cookie', 'a=b; c'], ['CSRF-Token', '0' x 64], ['Accept', 'text/html'],
    ['Last-Event-ID', '1700000000000-0'], ['Range', 'bytes=0-1,2-3'],
    ['Expect', '100-continue'], ['Transfer-Encoding', 'identity'],
    ['If-None-Match', '*'], ['TE', 'trailers'], ['Content-Type', 'text/plain'],
    ['X-RD-Signature', signature('x' x 48)], ['X-RD-Signature', 'v1:1:2:3:4:5'],
);

my @nobodys = map { ['Cookie', "session=$_"] } $forged->{cookie},
    $gone->{cookie}, $forged->{sid}, '.' x 64, 'x' x 64, "$ada->{sid}." ,
    "$ada->{sid}." . 'A' x 27, '"' . 'a' x 64 . '"';

my $local = ['Origin', 'http://localhost'];
my $hers = ['Cookie', "session=$ada->{cookie}"];
my @bodies = ('{"user_id":2}', '{"user_id":2,"seconds":60}', '{"host":"h1"}',
              '[' x 3000, '{"user_id":1e400}', "{\"user_id\":\"2\\u0000\"}",
              '{"a":' x 500, "\xef\xbb\xbf{}", 'x' x 70_000);

# who comes, and what must not happen then
my @kinds = (
    { name => 'nobody', paths => \@all, headers => [@host, $local],
      more => [@claims, @nobodys], bodies => \@bodies, refused => 1 },

    { name => 'a player', paths => \@all, headers => [@host, $local, $hers],
      more => \@claims, bodies => \@bodies },

    { name => 'another site', paths => \@gates, whole => 1, refused => 1,
      headers => [@host, $hers], more => [map { ['Origin', $_] }
          'http://evil.example', 'null', '', 'localhost', 'http://',
          'http://localhost.evil.example', 'http://localhost:1',
          'http://localhost@evil.example', 'ws://localhost'] },

    { name => 'an administrator', headers => [@host, $local,
          ['Cookie', "session=$admin->{cookie}"],
          ['CSRF-Token', $admin->{nonce}], ['Content-Type',
          'application/json']],
      paths => [grep { $_->[0] =~ /admin/ && $_->[0] !~ /kill|able/ } @all],
      more => \@claims, bodies => \@bodies },
);


sub desktops {
    my %ssh = (terminal_port => $adas, public_host => 'play.example.com');

    return ready_session(2, $adas, %ssh, of('ada', 2))
           . ready_session(3, $bobs, of('bob', 3))
           . sprintf "ZADD rd:{\$TEST_NGINX_SITE}:live 1 %032x\n", 2;
}

# bound to the account, as by claim.lua
sub of {
    my ($name, $id) = @_;

    return (account_tag => "$id-" . RD::Visitor::CREATED,
            login => RD::Visitor::digest($name));
}

sub signature {
    my ($secret) = @_;

    my @parts = ('v1', int 1000 * time, 'nonce-of-the-fuzzer', 2, 'admin');
    return join ':', @parts, hmac_sha256_hex(join("\n", @parts[0 .. 2], 'GET',
        '/signed/status', @parts[3, 4], sha256_hex('')), $secret);
}

sub sessions {
    return join ' ', map {
        my %is = @{ redis('HGETALL', 'rd:{' . site() . '}:session:'
                          . sprintf '%032x', $_) };
        map { "$_=$is{$_}" } sort keys %is;
    } 2, 3;
}


# ---- one batch ---------------------------------------------------------------

my (%codes, @faults, %workers);
my ($cases, $logged) = (0, nginx()->log_size);

sub fault {
    my ($kind, $case, $what) = @_;

    push @faults, "$kind->{name}, case $case->{number}: $what";
    diag($faults[-1], "\n  sent: ",
         $case->{bytes} =~ s/([^ -~])/sprintf '\\x%02x', ord $1/egr)
        if @faults < 4;
}

sub check_answers {
    my ($kind, $case) = @_;

    fault($kind, $case, 'nginx keeps what its visitor ended') if $case->{open};

    my ($answers, $complaint) = fuzz_answers($case);
    fault($kind, $case, "$complaint in " . substr $case->{in}, 0, 300)
        if $complaint;

    for my $answer (@$answers) {
        my ($code, $all) = ($answer->{code}, "@$answer{qw(head body)}");
        $codes{$kind->{name}}{$code}++;

        fault($kind, $case, "the answer is $code") if $code =~ /^50[024]/;
        fault($kind, $case, 'a header of ours is theirs')
            if $answer->{head} =~ /^X-Evil/mi;
        fault($kind, $case, "a $code for nobody: $all")
            if $kind->{refused} && ($code =~ /^(?:101|2)/)
               && $all !~ m{^Content-Type: text/plain(?:;|\r$)}m;
        fault($kind, $case, 'a password without a cookie: ')
            if $kind->{refused} && $all =~ /pLaNtEd8|nonce":/;
    }
}

sub check_desktops {
    my ($kind, $case) = @_;

    my ($hers, $his) = (recorded($adas), recorded($bobs));

    fault($kind, $case, "came to bob's desktop: $his") if length $his;
    fault($kind, $case, "came to ada's desktop: $hers")
        if $kind->{refused} && length $hers;

    # what follows a head may be what she herself sent into her tunnel
    my @heads = $hers =~ /^-- request\n(.*?\r\n)\r\n/msg;

    for my $head (@heads) {
        fault($kind, $case, "a secret came to a desktop: $head")
            if $head =~ /\Q$ada->{sid}\E|^(?:Authorization|CSRF-Token):/mi;
    }

    $codes{$kind->{name}}{desktop} += @heads;
    unlink map { prefix() . "/recorded-$_" } $adas, $bobs;
}

sub check_log {
    my ($kind, $case) = @_;

    my $log = nginx()->log($logged);
    $logged += length $log;

    fault($kind, $case, "the log says $1")
        if $log =~ /(\[(?:alert|emerg)\][^\n]*|[^\n]*exited on signal[^\n]*)/
           || $log =~ /([^\n]*(?:Sanitizer|runtime error:)[^\n]*)/;
    fault($kind, $case, "a line of ours holds bytes of theirs: $1")
        if $log =~ /^(\S+ \S+ \[\w+\] \S+ (?:\*\d+ )?rd [^,\n]*
                     [\0-\x08\x0b-\x1f\x7f][^\n]*)/mx;
    fault($kind, $case, 'a worker is gone')
        if join(' ', nginx()->workers) ne $workers{all};
}

sub batch {
    my ($kind, $first) = @_;

    RD::redis($_) for split /\n/, RD::_expand(desktops());
    my $before = sessions();

    my @cases = map { fuzz_case($_, $kind) } $first .. $first + BATCH - 1;

    fuzz_talk($RD::ServerPort, 20 * slow_factor(), @cases);
    $cases += @cases;

    check_answers($kind, $_) for @cases;
    check_desktops($kind, $cases[0]);
    check_log($kind, $cases[0]);

    fault($kind, $cases[0], 'a session has changed without a CSRF token')
        if $kind->{name} ne 'an administrator' && sessions() ne $before;
}


# ---- the run -----------------------------------------------------------------

my $end = time + $seconds;
my $n = 0;

$workers{all} = join ' ', nginx()->workers;
Test::More::note("seed $seed");

while ($seconds ? time < $end : $n < BATCHES) {
    batch($kinds[$n % @kinds], $seed * 1_000_000 + $n * BATCH);
    last if @faults > 20;
    $n++;
}

is(scalar @faults, 0, "$cases bent requests did no harm, seed $seed")
    or diag(map { "$_\n" } @faults);

for my $kind (@kinds) {
    my $of = $codes{$kind->{name}} // {};
    Test::More::note("$kind->{name}: ",
                     join ', ', map { "$_: $of->{$_}" } sort keys %$of);
}

# and they were no noise: each kind got as far as it may
my %got = map { $_->{name} => $codes{$_->{name}} // {} } @kinds;

ok($got{nobody}{401} && $got{nobody}{400} && !$got{nobody}{101},
   'nobody is told to log in');
ok($got{'a player'}{101} && $got{'a player'}{desktop},
   'a player reached her desktop');
ok($got{'another site'}{403} && !$got{'another site'}{desktop},
   'another site was refused at the gate');
ok($got{'an administrator'}{200}, 'an administrator was heard');

is(http('GET /remote-desktop/api/status', visitor => $ada)->{code}, 200,
   'after all that an honest request has its answer');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
