# Terminal and SSH mode on real parts: Chromium types into the terminal of a
# real container, and ssh logs in with what the card says.

use RD 'no_plan';
use RD::Browser;
use RD::DockerHost;
use RD::Place qw(prefix slurp spew);
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|user)/, qr/\}:session:/,
           qr/^flask_cache_session/);

my ($host) = docker_hosts(1, image => 0);

desktop_image($host);
serve_pages();
ok(start_login(RD::own_redis()->socket, site()), 'the login is there');

run_tests();

my $docker = $host->{docker};


# ---- the terminal -----------------------------------------------------------

my $ada = browser(USER => 'ada',
    HOLD => 'desktop,shell,ssh,again,alone,farewell',
    TYPE => 'echo "gr$((1+1))ß" | tee /tmp/typed; id -un; tty; echo -n $$ '
            . '> /tmp/shell', SEE => '^/dev/pts/',
    STEPS => 'login,start,desktop,modes,terminal,shell,again,ssh,alone,'
             . 'farewell,stop');

ok(step($ada, 'desktop'), 'ada has a desktop');

my $id = redis('GET', 'rd:{' . site() . '}:owner:2');
my $password = redis('HGET', 'rd:{' . site() . "}:session:$id",
                     'vnc_password');
my ($container) = $docker->containers;

planted_secret($password);
go_on($ada);

my $modes = step($ada, 'modes');
is("@{ $modes->{tabs} // [] }", 'Desktop Terminal SSH', 'three ways into it');
is($modes->{chosen}, 'Desktop', 'of which the desktop is shown');
is($modes->{frames}, 1, 'and nothing else is loaded yet');

ok(step($ada, 'terminal'), 'the terminal has a prompt');

my $shell = step($ada, 'shell');
like($shell->{text} // '', qr/^gr2\x{df}\n/m, 'she types and sees the answer');
like($shell->{text} // '', qr/^ada\n/m, 'as herself');
is($docker->docker('exec', $container, 'cat', '/tmp/typed'), "gr2\xc3\x9f\n",
   'in her container, and an umlaut is an umlaut');

# the last that she has typed: it is written after what was seen
my $pid = wait_until(20, sub {
    my $text = eval {
        $docker->docker('exec', $container, 'cat', '/tmp/shell');
    };
    return ($text // '') =~ /^(\d+)$/ && $1;
});

go_on($ada);

my $again = step($ada, 'again');
is($again->{chosen}, 'Terminal', 'after a reload it is the terminal again');
ok(wait_until(15, sub {
       !eval { $docker->docker('exec', $container, 'test', '-d',
                               "/proc/$pid"); 1 };
   }), 'and the shell of the old page has ended');
ok(wait_until(5, sub {
       slurp(prefix() . '/logs/access.log')
           =~ m{"GET /remote-desktop/terminal/2/ws HTTP/1.1" 101};
   }), 'which was one of its own, through the gate');
go_on($ada);


# ---- SSH --------------------------------------------------------------------

my $card = step($ada, 'ssh');
my ($user, $name, $port) = ($card->{command} // '')
    =~ /^ssh (\S+)@(\S+) -p (\d+)$/;

is($user, 'ada', 'the card names her account');
is($card->{password}, $password, 'and the password of the session');
is($name, $host->{sshd}->address, 'and the host');

# ssh asks a program for the password: it stands on no command line
spew(prefix() . '/askpass', "#!/bin/sh\nprintf %s \"\$RD_TEST_PASSWORD\"\n");
chmod 0700, prefix() . '/askpass';

sub ssh {
    my ($user, $password, @command) = @_;

    local %ENV = (%ENV, RD_TEST_PASSWORD => $password,
                  SSH_ASKPASS => prefix() . '/askpass',
                  SSH_ASKPASS_REQUIRE => 'force');

    open my $out, '-|', 'timeout', 30, 'ssh', '-F', 'none', '-p', $port,
        '-o', 'StrictHostKeyChecking=no', '-o', 'LogLevel=QUIET',
        '-o', 'UserKnownHostsFile=' . prefix() . '/known',
        '-o', 'PreferredAuthentications=password', '-o', 'BatchMode=no',
        '-o', 'NumberOfPasswordPrompts=1', "$user\@$name", @command
        or die "ssh: $!\n";

    my $said = do { local $/; <$out> } // '';
    close $out;

    return ($said, $? >> 8);
}

my ($said, $status) = ssh('ada', $password, 'id -un; cat /tmp/typed; exit 7');
is($said, "ada\ngr2\xc3\x9f\n", 'ssh logs in with the card');
is($status, 7, 'and runs what it is told to');

($said, $status) = ssh('ada', 'wrong' . substr($password, 5), 'id');
is("$said$status", 255, 'another password does not');

($said, $status) = ssh('root', $password, 'id');
is("$said$status", 255, 'nor does another account');

unlike($docker->docker('top', $container, '-eo', 'pid,args'), qr/\Q$password\E/,
       'the password stands on no command line in the container');

my $socket = $docker->socket;
my $log = qx(docker -H unix://$socket logs $container 2>&1);
like($log, qr/Accepted password for ada/, 'its log has the login');
ok($log !~ /\Q$password\E/, 'and no password');


# ---- the end ----------------------------------------------------------------

ok(!$ada->{said}{console}, 'until now no console had anything to say')
    or diag(JSON::PP::encode_json($ada->{said}{console}));


# ---- out of the account -----------------------------------------------------

# what a tunnel is closed with is told on the page; her account comes back
my $record = 'rd:{' . site() . '}:user:2';

go_on($ada);
ok(step($ada, 'alone'), 'desktop and terminal are windows of their own');
redis('HSET', $record, 'banned', 1);
go_on($ada);
is_deeply((step($ada, 'farewell') // {})->{titles},
          [('This account is banned') x 2], 'which say why they have closed');
redis('HSET', $record, 'banned', 0);

go_on($ada);
ok(step($ada, 'done'), 'Stop ends it');
ok(wait_until(30, sub { my @all = $docker->containers; !@all }),
   'the container is removed');
ok(!$ada->{said}{pageerror}, 'no page had an error');

__DATA__

=== TEST 1: the site is there
--- http_config eval
$RD::Site::Http . $RD::Browser::Http
--- config eval
$RD::Browser::Config
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
container_defaults:
  memory_limit: 1g
  resolution: 1024x768
  modes: [desktop, terminal, ssh]
--- request
GET /remote-desktop
--- response_body_like: <title>
