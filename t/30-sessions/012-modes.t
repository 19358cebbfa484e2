# What a session offers beside its desktop: published, started and told only
# when hosts.yml lists it; the image says where its terminal is.

use RD 'no_plan';
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my ($host) = docker_hosts(1);
my $docker = $host->{docker};
my ($ada, $bob) = map { visitor($_) } qw(ada bob);

# the small desktop again, with a label like that of a ttyd's image
my $socket = $docker->socket;
my $tar = "$ENV{TEST_NGINX_BUILD}/test-image/desktop.tar";
system('docker', '-H', "unix://$socket", 'import', '--change',
       'CMD ["/desktop"]', '--change', 'LABEL rd.terminal.port=7681', $tar,
       'rd-test-ttyd:latest') == 0 or die "no second image\n";

# each block starts nginx with a hosts.yml of its own; its init looks
run_tests();


sub start {
    my ($visitor) = @_;

    api($visitor, 'POST create');
    is(wait_progress($visitor, 'ready|failed')->{status}, 'ready',
       'a desktop is made');

    my $session = session_of($visitor);
    my $inspect = JSON::PP::decode_json(
        $docker->docker('inspect', $session->{container}))->[0];

    return ($session, $inspect->{NetworkSettings}{Ports},
            { map { split /=/, $_, 2 } @{ $inspect->{Config}{Env} } });
}


sub stop {
    my ($visitor) = @_;

    api($visitor, 'POST destroy');
    ok(wait_until(20, sub { my @all = $docker->containers; !@all }),
       'and removed');
}


sub ports { my ($ports) = @_; return join ' ', sort grep { $ports->{$_} }
                                              keys %$ports }


sub desktop_alone {
    my ($session, $ports, $env) = start($ada);

    is(ports($ports), '5900/tcp 6080/tcp', 'with two ports');
    is($env->{MODES}, 'desktop', 'the image need not offer more');
    is("$session->{terminal_port} $session->{ssh_port}", '0 0',
       'and nobody is told more');
    is_deeply(api($ada, 'GET status')->{json}{session}{modes}, ['desktop'],
              'as status says');
    is(api($ada, 'GET credentials')->{json}{ssh}, undef,
       'there is nothing to log in to');
    stop($ada);
}


sub all_modes {
    my ($session, $ports, $env) = start($ada);

    is(ports($ports), '22/tcp 5900/tcp 6080/tcp 7682/tcp', 'with four ports');
    is($env->{MODES}, 'desktop terminal ssh', 'the image knows what to start');
    is($session->{terminal_port}, $ports->{'7682/tcp'}[0]{HostPort},
       'the gate knows where the terminal is');
    is($ports->{'7682/tcp'}[0]{HostIp}, $host->{sshd}->address,
       'which is where nginx alone reaches it');
    is_deeply(api($ada, 'GET status')->{json}{session}{modes},
              ['desktop', 'terminal', 'ssh'], 'status names all three');

    my $ssh = api($ada, 'GET credentials')->{json}{ssh};

    planted_secret($ssh->{password});
    is($ssh->{host}, 'play.example.com', 'the card has the public name');
    is($ssh->{port}, $ports->{'22/tcp'}[0]{HostPort}, 'the port');
    is($ssh->{user}, 'ada', 'the account');
    is($ssh->{password}, $env->{VNC_PASSWORD}, 'and the password');
    is(api($bob, 'GET credentials')->{code}, 404, 'and nobody else gets it');
    stop($ada);
}


sub moved_terminal {
    my ($session, $ports, $env) = start($ada);

    is(ports($ports), '5900/tcp 6080/tcp 7681/tcp',
       "with the port of the image's label");
    is($session->{terminal_port}, $ports->{'7681/tcp'}[0]{HostPort},
       'which the gate knows');
    is($session->{ssh_port}, 0, 'and no SSH');
    is($env->{MODES}, 'desktop terminal', 'nor is one started');
    stop($ada);
}

__DATA__

=== TEST 1: the desktop alone
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
--- init
desktop_alone()
--- request
GET /remote-desktop/api/status
--- error_code: 401


=== TEST 2: all modes
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
    pub_hostname: play.example.com
docker_image: rd-test-desktop:latest
container_defaults:
  modes: [desktop, terminal, ssh]
--- init
all_modes()
--- request
GET /remote-desktop/api/status
--- error_code: 401


=== TEST 3: an image whose terminal is somewhere else
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-ttyd:latest
container_defaults:
  modes: [desktop, terminal]
--- init
moved_terminal()
--- request
GET /remote-desktop/api/status
--- error_code: 401
