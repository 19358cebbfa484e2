# hosts.yml changes and nginx reloads: hosts come and go, sessions stay.

use RD 'no_plan';
use RD::Client;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
allow_log(qr/hosts\.yml:2: workspace_hosts/);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

my ($one, $two) = docker_hosts(2);
my ($ada, $bob) = map { visitor($_) } qw(ada bob);
my $tag = 'rd:{' . RD::site() . '}:';

sub name { my ($host) = @_; return $host->{sshd}->address . ':'
                                  . $host->{sshd}->port }

sub health {
    my ($host) = @_;
    return redis('HGET', "${tag}host:" . name($host), 'health') // '';
}

sub probes {
    my ($host) = @_;
    return redis('HGET', "${tag}host:" . name($host), 'probe') // 0;
}

sub hosts_are {
    my (@hosts) = @_;

    RD::Place::spew($ENV{TEST_NGINX_HOSTS}, join '', "workspace_hosts:\n",
        (map { $_->{sshd}->yaml } @hosts),
        "docker_image: rd-test-desktop:latest\n");

    return nginx()->reload;
}

sub gate {
    my ($visitor) = @_;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    my $more = $client->websocket_headers("Host: localhost\n"
        . RD::Visitor::headers($visitor, 'GET'));

    $client->send(RD::Client::compose(
        "GET /remote-desktop/vnc/$visitor->{id}/websockify", $more, 'close'));

    return $client->response(20, 'GET')->{code};
}


sub a_host_comes {
    ok(wait_until(20, sub { health($one) eq 'up' }), 'one host is named');
    is(health($two), '', 'of the other nobody knows');

    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'ada has a desktop');

    hosts_are($one, $two);
    ok(wait_until(20, sub { health($two) eq 'up' }),
       'it is named, nginx reloads, and it is up');

    api($bob, 'POST create');
    is(wait_progress($bob, 'ready|failed')->{status}, 'ready',
       'bob has a desktop');
    is(session_of($bob)->{host}, name($two), 'on it');
}


sub a_host_goes {
    is(session_of($ada)->{host}, name($one), 'ada is on the first host');

    hosts_are($two);

    is(gate($ada), 101, 'it is taken out of the file: she can go on');

    # what was handed out before the reload may still be written down
    my $seen = probes($two);
    wait_until(20, sub { probes($two) > $seen });

    my $probes = probes($one);
    ok(wait_until(20, sub { probes($two) >= $seen + 4 }),
       'the hosts that are named are probed');
    is(probes($one), $probes, 'it is not, any more');

    api($ada, 'POST destroy');
    ok(wait_until(20, sub {
           error_log() =~ /its host \S+ is not in hosts.yml/;
       }), 'when she leaves, the log says who cannot be reached');
    is(session_of($ada)->{state}, 'stopping', 'nobody says that it is gone');
    ok(scalar(my @left = $one->{docker}->containers), 'and it is not');

    api($ada, 'POST create');
    is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
       'she gets another one meanwhile');
    is(session_of($ada)->{host}, name($two), 'on a host that is named');

    hosts_are($one, $two);
    ok(wait_until(40, sub { !$one->{docker}->containers }),
       'when the host is back in the file, it is cleaned');
    ok(wait_until(10, sub { history_of($ada) == 1 }), 'and the session ends');
    is((history_of($ada))[0]{reason}, 'user_destroyed', 'as she wished');
}


sub a_bad_file {
    my $probes = probes($one);

    RD::Place::spew($ENV{TEST_NGINX_HOSTS},
                    "workspace_hosts:\n  - hostnam: x\n");
    is(nginx()->reload, 1, 'a file with a fault is refused');
    ok(wait_until(20, sub { probes($one) >= $probes + 2 }),
       'and everything goes on as before');
    hosts_are($one, $two);
}


sub everybody_leaves {
    api($_, 'POST destroy') for $ada, $bob;
    ok(wait_until(30, sub { !map { $_->{docker}->containers } $one, $two }),
       'in the end nothing is left');
    ok(wait_until(10, sub { !map { slots(name($_)) } $one, $two }),
       'no slot either');
}

run_tests();

__DATA__

=== TEST 1: one host at first
--- http_config eval
$RD::Site::Http . "    rd_probe_interval 1s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
--- init
a_host_comes();
a_host_goes();
a_bad_file();
everybody_leaves();
