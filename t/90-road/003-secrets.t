# One player's whole evening, with everything that may go wrong: the secrets
# that were needed for it stand in no log, stream, metric, URL, command line,
# nor anywhere in Redis or Docker but where the documents say.

use RD 'no_plan';
use RD::Browser;
use RD::Client;
use RD::Events;
use RD::Place qw(prefix slurp spew);
use RD::Secrets;
use RD::Site;

use Digest::SHA qw(hmac_sha256_hex sha256_hex);
use IO::Socket::UNIX;
use Time::HiRes qw(time);

my $own_password = secret('a Redis password', 'pLaNtEd-own-redis-7');
my $ctfd_password = secret("CTFd's Redis password", 'pLaNtEd-ctfd-redis-8');
my $wrong = secret('a wrong Redis password', 'pLaNtEd-wrong-redis-9');
my $signed = secret('a secret of the signed header', 'pLaNtEd-signed-' x 3);

secret("CTFd's key", 'every' . "\xff" . 'sort of byte', $RD::Visitor::Secret);
spew(prefix() . '/conf/signed', $signed);
spew(prefix() . '/conf/redis-password', $own_password);

two_redis();
own_redis()->{password} = $own_password;
own_redis()->stop;
own_redis();
ctfd_redis('CONFIG', 'SET', 'requirepass', $ctfd_password);

my @hosts = docker_hosts(2, image => 0);
my ($docker, $sshd) = @{ $hosts[0] }{qw(docker sshd)};

desktop_image($hosts[0]);

# what a key is, without its armour: each line of it is the secret
secret('an SSH key', grep { !/^-/ && length > 40 }
                     split /\n/, slurp($sshd->key_file));

# the second host shows another key than the one that is known
$ENV{TEST_NGINX_HOST2} = $hosts[1]{sshd}->yaml(
    known_hosts => $hosts[1]{sshd}->wrong_known_hosts) =~ s/\n\z//r;

my $dir = prefix();
my $http = $RD::Site::Http
    =~ s{(rd_redis [^;]+);}{$1 password_file=$dir/conf/redis-password;}r
    =~ s{(rd_ctfd_redis [^;]+);}{$1 password=$ctfd_password;}r
    . "    rd_zone rd:1m;\n    rd_signed_secret_file $dir/conf/signed;\n";

my $config = $RD::Site::Config . <<'END';
        location /signed/ {
            rd_api;
            rd_identity signed;
        }

        location = /metrics {
            rd_metrics;
        }
END

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http);
    $block->set_value('config', $config);
});
add_block_preprocessor(\&RD::Site::preprocess);

leave_keys(qr/\}:(?:last|events|history|user|warn|nonce|sweep|story)/,
           qr/\}:session:/);
watch_processes();
run_tests();

# everything that was answered, but for the two calls that are for secrets
my $answers = '';

sub asked {
    my ($res) = @_;

    $answers .= ($res->{headers} // '') . $res->{body};
    return $res;
}

sub hear { asked(api(@_)) }
sub hear_admin { asked(admin_api(@_)) }

sub person {
    my ($name) = @_;

    my $visitor = visitor($name);

    secret("$name: cookie", $visitor->{cookie}, $visitor->{sid});
    secret("$name: nonce", $visitor->{nonce});
    return $visitor;
}

my ($ada, $bob, $admin) = map { person($_) } qw(ada bob admin);
my $site = 'rd:{' . site() . '}:';

sub password_of {
    my ($visitor) = @_;

    my $answer = api($visitor, 'GET credentials')->{json};
    return ($answer->{vnc_password}, $answer->{ssh});
}

sub start {
    my ($visitor) = @_;

    is(hear($visitor, 'POST create')->{code}, 200,
       "$visitor->{name} asks for a desktop, with a cookie and a nonce");
    is(wait_progress($visitor, 'ready|failed', 60)->{status}, 'ready',
       'and has one') or diag(error_log() =~ s/^.*\[debug\].*\n//mgr);
    hear($visitor, 'GET creation-status');
    hear($visitor, 'GET status');

    my ($password, $ssh) = password_of($visitor);
    secret("password of $visitor->{name}", $password,
           session_of($visitor)->{view_password});
    is($ssh->{password}, $password, 'the SSH card has the same password');

    return ($password, $ssh);
}


# ---- the secrets are used ----------------------------------------------------

my $listener = listen_to($admin);

for my $redis (own_redis(), [ctfd_redis('CONFIG', 'GET', 'unixsocket')]) {
    my $path = ref $redis eq 'ARRAY' ? $redis->[0][1] : $redis->socket;
    my $socket = IO::Socket::UNIX->new(Peer => $path) or die "$path: $!";

    print $socket "PING\r\n";
    like(<$socket>, qr/^-NOAUTH/, 'a Redis wants its password');
}

is(http('GET /remote-desktop/api/status')->{code}, 401, 'nobody is nobody');

my ($password, $ssh) = start($ada);
my ($container) = $docker->containers;
my $inspect = JSON::PP::decode_json($docker->docker('inspect', $container));

ok((grep { $_ eq "VNC_PASSWORD=$password" } @{ $inspect->[0]{Config}{Env} }),
   'the container was given it, as documented');
like($sshd->log, qr/Accepted (?:key|publickey)/,
   'by an engine that was reached with the SSH key');

sub tunnel {
    my ($visitor, $path, $more) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $head = $client->websocket_headers("Host: localhost\n$more"
        . RD::Visitor::headers($visitor, 'GET'));

    $client->send(RD::Client::compose("GET /remote-desktop/$path", $head,
                                      'close'));
    $client->{code} = asked($client->response(10, 'GET'))->{code};
    return $client;
}

my $desktop = tunnel($ada, 'vnc/2/websockify', '');
is($desktop->{code}, 101, 'her cookie opens her desktop');
like($desktop->websocket_receive(10), qr/RFB 003/, 'which greets her');
is(tunnel($bob, 'vnc/2/websockify', '')->{code}, 403, "bob's does not");

my $terminal = tunnel($ada, 'terminal/2/ws', "Sec-WebSocket-Protocol: tty\n");
$terminal->websocket_send('text', JSON::PP::encode_json(
    { AuthToken => $password, columns => 80, rows => 24 }));
$terminal->websocket_send('binary', "0env; "
    . "tr '\\0' ' ' < /proc/1/cmdline; cat /proc/[0-9]*/cmdline; "
    . "echo kn\$((1+1))ck\n");

my $seen = '';
ok(wait_until(20, sub {
       $seen .= $terminal->websocket_receive(1);
       return $seen =~ /kn2ck/;
   }), 'the password opens the terminal');

spew(prefix() . '/conf/askpass', "#!/bin/sh\nprintf %s \"\$RD_TEST_PASSWORD\"");
chmod 0700, prefix() . '/conf/askpass';

{
    local %ENV = (%ENV, RD_TEST_PASSWORD => $password,
                  SSH_ASKPASS => prefix() . '/conf/askpass',
                  SSH_ASKPASS_REQUIRE => 'force');

    open my $out, '-|', 'timeout', 60, 'ssh', '-F', 'none', '-p', $ssh->{port},
        '-o', 'StrictHostKeyChecking=no', '-o', 'LogLevel=QUIET',
        '-o', 'UserKnownHostsFile=' . prefix() . '/known',
        '-o', 'PreferredAuthentications=password',
        '-o', 'NumberOfPasswordPrompts=1', "$ssh->{user}\@$ssh->{host}",
        'id -un' or die "ssh: $!\n";

    is(<$out>, "ada\n", 'and an SSH login');
    close $out;
}

is(hear($ada, 'POST extend')->{code}, 200, 'she extends');


# ---- the trusted application, an administrator -------------------------------

sub signed {
    my ($secret, $path) = @_;

    my @parts = ('v1', int 1000 * time, 'nonce-' . int(1e9 + rand 1e9), 2,
                 'user');
    my $mac = hmac_sha256_hex(join("\n", @parts[0 .. 2], 'GET', $path,
                                   @parts[3, 4], sha256_hex('')), $secret);

    return asked(http("GET $path", more => 'X-RD-Signature: '
                                           . join(':', @parts, $mac) . "\n"));
}

is(signed($signed, '/signed/status')->{code}, 200, 'a signature is believed');
is(signed($wrong x 2, '/signed/status')->{code}, 401, 'another is refused');

my $story = 'explain?session=' . session_of($ada)->{id};

for my $view ('containers', 'hosts', $story, 'events/recent') {
    is(hear_admin($admin, "GET $view")->{code}, 200,
       'an administrator sees ' . $view =~ s/\?.*//r);
}

ok(wait_until(20, sub {
       hear_admin($admin, 'GET hosts')->{body} =~ /host.key/i;
   }), 'an administrator is told of the wrong host key');
is(asked(http('GET /metrics'))->{code}, 200, 'and metrics are there');
asked(http('GET /remote-desktop/api/status',
           more => "Cookie: session=$ada->{sid}.forged\n"));


# ---- trouble -----------------------------------------------------------------

my ($bobs) = start($bob);

$sshd->stop;
is(hear_admin($admin, 'POST kill', '{"user_id":3}')->{code}, 200,
   'bob is killed while his host is away');
ok(wait_until(60, sub { error_log() =~ /\[(?:warn|error)\].* rd .*host/ }),
   'which is noticed');
$sshd->restart;

ok(wait_until(120, sub {
       my @all = $docker->containers;
       return @all == 1 && session_of($bob)->{state} eq 'ended';
   }), 'his container is gone when it is back');

my $dump = redis_dump(\&redis);
my ($inspects, $logs) = ('', '');

# a player's own two words about it go away with the container
$inspects .= $docker->docker('inspect', $_)
    =~ s/"VNC_(?:VIEW_)?PASSWORD=[^"]*"//gr for $docker->containers;
$inspects .= $docker->docker('ps', '-a', '--no-trunc');
$inspects .= $docker->docker('image', 'inspect',
                             $docker->docker('images', '-q') =~ /(\S+)/);
my $socket = $docker->socket;
$logs .= qx(docker -H unix://$socket logs $_ 2>&1) for $docker->containers;
$logs .= $sshd->log . slurp($docker->dir . '/dockerd.log');

my @live = map { "$_: " . join ', ', secrets_in($dump->{$_}) }
           grep { secrets_in($dump->{$_}) } sort keys %$dump;

is_deeply(\@live, ["${site}session:" . redis('GET', "${site}owner:2")
                   . ': password of ada'],
          'of all keys one holds a secret: the session that is open');

is(hear($ada, 'POST destroy')->{code}, 200, 'she stops hers');
ok(wait_until(60, sub {
       my @all = $docker->containers;
       return !@all && session_of($ada)->{state} eq 'ended';
   }), 'and it is removed');
hear($ada, 'GET status');
hear_admin($admin, "GET $story");
hear_admin($admin, 'GET events/recent');


my $client = $listener->{client};
ok(wait_until(20, sub {
       $client->fill(time + 0.1);
       return $client->{in} =~ /user_destroyed/;
   }), 'the stream of events had all of it');

$_->close for $desktop, $terminal, $client;

my $shown = redis_dump(\&redis);
my $ctfds = redis_dump(\&ctfd_redis);

spew(prefix() . '/conf/redis-password', $wrong);
nginx()->reload;

ok(wait_until(20, sub {
       asked(http('GET /remote-desktop/api/status', visitor => $ada))->{code}
           == 503;
   }), 'with a wrong Redis password nobody is known');
ok(wait_until(10, sub { error_log() =~ /refused.*wrong user or password/ }),
   'and the log says why');

spew(prefix() . '/conf/redis-password', $own_password);
nginx()->reload;

ok(wait_until(20, sub {
       hear($ada, 'GET status')->{code} == 200;
   }), 'until it is right again');


# ---- nobody has seen them ----------------------------------------------------

my $stream = $client->{in};
my $error_log = error_log();

like($answers, qr/"session"/, 'there were answers');
like(slurp(prefix() . '/logs/access.log'), qr{GET /remote-desktop/}, 'URLs,');
like(command_lines(), qr/^(?=.*redis-server)(?=.*dockerd)/s, 'and processes');
is(scalar(my @names = secret_names()), 14, 'and fourteen secrets');

is_deeply([secrets_in_log($error_log)], [], 'error.log holds none of ours');
is_deeply([secrets_in_files()], [],
          'nor does the access log, or any other file of the run');
is_deeply([secrets_in($stream)], [], 'nor the event stream');
is_deeply([secrets_in($answers)], [], 'nor an answer');
is_deeply([secrets_in(command_lines())], [], 'nor any command line');
is_deeply([secrets_in($inspects)], [], "nor what docker tells of containers");
is_deeply([secrets_in($logs)], [], 'nor the logs of sshd, engine, desktop');
is_deeply([secrets_in($seen)], [], "nor ps in the player's terminal");
is_deeply([map { "$_: " . join ', ', secrets_in($shown->{$_}) }
           grep { secrets_in("$_ $shown->{$_}") } sort keys %$shown], [],
          'when a session is over no key of ours holds one');
is_deeply([grep { !/^flask_cache_session/ && secrets_in($ctfds->{$_}) }
           keys %$ctfds], [], "and of CTFd's only sessions");


# ---- but they would have been found ------------------------------------------

my $line = '2026/01/01 00:00:00 [info] 1#1: *1 rd access: ';

is_deeply([secrets_in_log($line . $password . "\n")], ['password of ada'],
          'a line of ours with a secret is found');
is_deeply([secrets_in_log($line =~ s/info/debug/r . $ada->{cookie} . "\n")],
          ['ada: cookie'], 'also one for debugging');

http("GET /nothing?key=$signed");
ok(wait_until(20, sub {
       join(' ', grep { /access\.log/ } secrets_in_files())
           eq 'logs/access.log: a secret of the signed header';
   }), 'so is a URL, once it is logged');

redis('RPUSH', "${site}story:planted", "it was $bobs");
my $planted = redis_dump(\&redis);
is_deeply([grep { secrets_in($planted->{$_}) } keys %$planted],
          ["${site}story:planted"], 'so is a key');
redis('DEL', "${site}story:planted");

my $child = RD::DockerHost::spawn('/dev/null', $^X, '-e', 'sleep 60', $wrong);
ok(wait_until(20, sub {
       join(' ', secrets_in(command_lines())) eq 'a wrong Redis password';
   }), 'so is a command line');
RD::DockerHost::end_process($child);

$docker->docker('create', '--name', 'planted', '--label', "l=$password",
                $docker->docker('images', '-q') =~ /(\S+)/, 'true');
is_deeply([secrets_in($docker->docker('inspect', 'planted'))],
          ['password of ada'], 'and so is a label');
$docker->docker('rm', '-f', 'planted');

# what was planted is not what the guard after a run looks for
spew(prefix() . '/logs/access.log', '');

__DATA__

=== TEST 1: the site is there
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
container_defaults:
  memory_limit: 1g
  resolution: 1024x768
  modes: [desktop, terminal, ssh]
--- request
GET /remote-desktop/api/status
--- error_code: 401
