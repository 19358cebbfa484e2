# What a page of another site, or a container, could do with a visitor who has
# a cookie: nothing.

use RD 'no_plan';
use RD::Place qw(free_port prefix slow_factor slurp);
use RD::Recorder;
use RD::Serve;
use RD::Site;

use IPC::Open2 qw(open2);

# what a container would like to say for the whole site, and what it may say
my @for_site = ('Set-Cookie: session=evil', 'set-cookie2: a=b',
                'Clear-Site-Data: "*"', 'Service-Worker-Allowed: /',
                'Strict-Transport-Security: max-age=9', 'Alt-Svc: h2=":1"');

my ($recorder) = record(1);
my $evil = serve_desktop(headers => join '', map { "$_\r\n" } @for_site,
                         'X-Harmless: yes');
my $tls = free_port();
my $key = prefix() . '/conf/tls';

system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
       . " -nodes -subj /CN=localhost -days 2 -keyout '$key.key'"
       . " -out '$key.crt' 2> '$key.log'") == 0
    or die 'openssl: ' . slurp("$key.log");

my $config = $RD::Site::Config . <<'END';
        location ~ ^/web/([0-9]+)/(.*)$ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend/$2;
        }
END

my $http = $RD::Site::Http . <<"END";
    server {
        listen 127.0.0.1:$tls ssl;
        ssl_certificate $key.crt;
        ssl_certificate_key $key.key;
$config
    }
END

# a host that refuses at once: nothing is under way when nginx ends
$RD::Site::Hosts =~ s/192.0.2.1/127.0.0.1\n    port: 1/;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http);
    $block->set_value('config', $config);
    $block->set_value('redis', ready_session(2, $recorder)
                               . ready_session(3, $evil));
});
add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/,
           qr/\}:(?:warn|story|host|sweep|rate|queue)/);
run_tests();

my ($ada, $bob) = map { visitor($_) } qw(ada bob);


# ---- forms -------------------------------------------------------------------

sub write_from {
    my ($method, $origin) = @_;

    return http("$method /web/2/x", visitor => $ada,
                more => defined $origin ? "Origin: $origin\n" : '');
}

for my $method (qw(POST PUT DELETE PATCH)) {
    for my $origin ('http://evil.example', 'null', 'http://localhost:1',
                    'http://localhost.evil.example')
    {
        my $res = write_from($method, $origin);
        is($res->{code}, 403, "$method of a page of $origin is refused");
        like($res->{body}, qr/"code":"bad_origin"/, 'and why is said');
    }

    is(write_from($method, 'http://localhost')->{code}, 200,
       "$method of our own page goes in");
    is(write_from($method)->{code}, 200, 'so does one that is of no page');
}

unlike(recorded($recorder), qr{^Origin: (?!http://localhost\r)}m,
       'nothing that was refused came to the desktop');
is(write_from('POST', 'http://LOCALhost')->{code}, 200,
   'a name is the same in capitals');
is(write_from($_, 'http://evil.example')->{code}, 200,
   "a link on another page still leads in: $_") for qw(GET HEAD);


# ---- http and https ----------------------------------------------------------

# the code of a handshake over TLS

sub over_tls {
    my ($origin) = @_;

    my $pid = open2(my $out, my $in, 'openssl', 's_client', '-quiet',
                    '-connect', "127.0.0.1:$tls", '-servername', 'localhost');

    print $in join "\r\n", 'GET /remote-desktop/vnc/2/websockify HTTP/1.1',
        'Host: localhost', 'Upgrade: websocket', 'Connection: upgrade',
        'Sec-WebSocket-Version: 13', "Origin: $origin",
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        "Cookie: session=$ada->{cookie}", '', '';
    $in->flush;

    local $SIG{ALRM} = sub { kill KILL => $pid };
    alarm 20 * slow_factor();
    my $line = <$out> // '';
    alarm 0;

    kill KILL => $pid;
    waitpid $pid, 0;

    return $line =~ /^HTTP\/1\.1 (\d+)/ ? $1 : "no answer: $line";
}

open my $stderr, '>&', \*STDERR;
open STDERR, '>', '/dev/null';          # s_client tells of the certificate
my ($of_https, $of_http) = map { over_tls("$_://localhost") } qw(https http);
open STDERR, '>&', $stderr;

is($of_https, 101, 'over TLS a page of https opens a desktop');
is($of_http, 403, 'a page of http, which anybody could have made up, does not');


# ---- what passes -------------------------------------------------------------

unlink prefix() . "/recorded-$recorder";

is(http('GET /web/2/y', visitor => $ada, more => join "\n",
        'Authorization: Token ctfd_1', 'Proxy-Authorization: Basic YTpi',
        'X-RD-Signature: v1:1:abcdefghijklmnop:1:admin:0',
        "CSRF-Token: $ada->{nonce}", 'X-Harmless: yes', '')->{code}, 200,
   'a request is passed on');

my $came = recorded($recorder);

like($came, qr/^X-Harmless: yes\r$/m, 'with what it says');
unlike($came, qr/^(?:Cookie|(?:Proxy-)?Authorization|X-RD-Signature
                     |CSRF-Token):/xmi, 'but nothing that proves anything');

my $res = http('GET /web/3/', visitor => $bob);

is($res->{header}{'x-harmless'}, 'yes', 'a desktop answers');

for my $header (@for_site) {
    my ($name) = $header =~ /^([^:]+)/;
    is($res->{header}{lc $name}, undef, "but $name is not its to say");
}

my $client = RD::Client->connect($RD::ServerPort, 5);
my $more = $client->websocket_headers("Host: localhost\n"
                                      . RD::Visitor::headers($bob, 'GET'));

$client->send(RD::Client::compose('GET /remote-desktop/vnc/3/websockify',
                                  $more, 'close'));
$res = $client->response(10, 'GET');
$client->close;

is($res->{code}, 101, 'a WebSocket opens');
is($res->{header}{'clear-site-data'}, undef, 'there, too');

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
