# A client whose path dies without a word, in a network namespace that drops its
# packets: its tunnels and its event stream are closed within a minute.

use RD 'no_plan';
use RD::Client;
use RD::Events;
use RD::Serve;
use RD::Site;

use constant { SYS_SETNS => 308, ESTABLISHED => '01' };

# a desktop that says nothing, and one that never stops
my $still = serve_desktop();
my $busy = serve_tunnel('', sub {
    my ($socket) = @_;

    local $SIG{PIPE} = 'IGNORE';
    while (print $socket "\x82\x04tick") {
        $socket->flush or last;
        select undef, undef, undef, 0.2;
    }
}, many => 1);

my ($space, $near, $far) = namespace();
my $port = RD::Place::free_port();

$RD::Site::Http .= <<"END";
    rd_events_keepalive 5s;
    server {
        listen $near:$port;
$RD::Site::Config
    }
END

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|session|events|user)/);
planted_secret('pLaNtEd8');

run_tests();


# ---- the network ------------------------------------------------------------

sub run { system(@_) == 0 or die "@_ failed\n" }

sub namespace {
    my $name = "rdv$$";
    my ($n) = grep { qx(ip -4 -o addr) !~ /\b10\.203\.$_\./ }
              map { ($$ + $_) % 250 + 1 } 0 .. 249;

    run(qw(ip netns add), $name);
    run(qw(ip link add), "rdvh$n", qw(type veth peer name), "rdvp$n",
        'netns', $name);
    run(qw(ip addr add), "10.203.$n.1/24", 'dev', "rdvh$n");
    run(qw(ip link set), "rdvh$n", 'up');
    run(qw(ip -n), $name, qw(addr add), "10.203.$n.2/24", 'dev', "rdvp$n");
    run(qw(ip -n), $name, qw(link set), "rdvp$n", 'up');

    return ($name, "10.203.$n.1", "10.203.$n.2");
}

# a socket belongs to the namespace in which it was made
sub connect_there {
    my ($back, $there) = map { open my $f, '<', $_ or die "$_: $!"; $f }
                         '/proc/self/ns/net', "/run/netns/$space";

    syscall(SYS_SETNS, fileno $there, 0) == 0 or die "setns: $!";

    my $socket = IO::Socket::INET->new(PeerAddr => $near, PeerPort => $port,
                                       Timeout => 5);

    syscall(SYS_SETNS, fileno $back, 0) == 0 or die "setns: $!";

    return bless { socket => $socket, in => '', eof => 0 }, 'RD::Client'
        if $socket;
    die "connect to $near: $!\n";
}

# connections that nginx has with that address
sub open_there {
    my $address = sprintf '%08X', unpack 'V', pack 'C4', split /\./, $far;

    return scalar grep {
        my (undef, undef, $remote, $state) = split;
        ($state // '') eq ESTABLISHED && $remote =~ /^$address:/
    } split /\n/, RD::Place::slurp('/proc/net/tcp');
}


# ---- three who go -----------------------------------------------------------

my ($ada, $bob, $admin) = map { visitor($_) } qw(ada bob admin);

give_desktop($ada->{id}, $still);
give_desktop($bob->{id}, $busy);

sub tunnel {
    my ($visitor) = @_;

    my $client = connect_there();
    my $head = $client->websocket_headers("Host: $near:$port\n"
        . "Origin: http://$near:$port\n"
        . RD::Visitor::headers($visitor, 'GET') =~ s/^Origin:.*\n//mr);

    $client->send(RD::Client::compose(
        "GET /remote-desktop/vnc/$visitor->{id}/websockify", $head, 'close'));
    is($client->response(10, 'GET')->{code}, 101,
       "$visitor->{name} opens a tunnel");
    return $client;
}

my @clients = map { tunnel($_) } $ada, $bob;

push @clients, connect_there();
$clients[2]->send(RD::Client::compose(
    'GET /remote-desktop/admin/api/events/stream',
    "Host: $near:$port\n" . RD::Visitor::headers($admin, 'GET'), 'close'));
ok($clients[2]->fill(time + 10), 'an administrator listens to events');

is(open_there(), 3, 'three connections are open');

my $began = time;

run('ip', 'netns', 'exec', $space, 'iptables', '-w', '-A', $_, '-j', 'DROP')
    for qw(INPUT OUTPUT);

# asked ten times a second, for the kernel has to make a list each time
ok(wait_until(25, sub {
       select undef, undef, undef, 0.1;
       return !open_there() || time > $began + 70;
   }), 'they go');
is(open_there(), 0, 'all three of them');
cmp_ok(time - $began, '<', 60, 'within a minute of their silence');

$_->close for @clients;
stop_serving();


END {
    local $?;

    if ($space) {
        system "ip netns del $space 2>/dev/null";

        my ($link) = qx(ip -4 -o addr) =~ m{(rdvh\d+)\s+inet \Q$near\E/};
        system 'ip', 'link', 'del', $link if $link;
    }
}

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
