# Twenty users press Start at once, on two real Docker hosts and two workers.

use RD 'no_plan';
use RD::Client;
use RD::Site;

use constant { USERS => 20, START_S => 90 };

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);
workers(2);

my @hosts = docker_hosts(2);
run_tests();        # the block below starts nginx

sub containers { return map { $_->{docker}->containers } @hosts }

my @users = map { visitor("user$_:$_") } 101 .. 100 + USERS;

ok(wait_until(15, sub {
       my $log = error_log();
       return (() = $log =~ /rd fleet: host \S+ up,/g) >= 2;
   }), 'both hosts are fit');


# ---- all at once -----------------------------------------------------------

# every connection is open and every click sent before one answer is read
my @clients = map { RD::Client->connect($RD::ServerPort, 5) } @users;

for my $i (0 .. $#users) {
    $clients[$i]->send(RD::Client::compose('POST /remote-desktop/api/create',
        RD::Visitor::headers($users[$i], 'POST'), 'close'));
}

my %code;
$code{ $_->response(40, 'POST')->{code} }++ for @clients;
is_deeply(\%code, { 200 => USERS }, 'all clicks are taken');

my %last;

wait_until(START_S, sub {
    $last{ $_->{id} } = progress($_)->{status} // '' for
        grep { ($last{ $_->{id} } // '') !~ /^(?:ready|failed)$/ } @users;
    return !grep { !/^(?:ready|failed)$/ } values %last;
});

is(scalar(grep { $_ eq 'ready' } values %last), USERS, 'all get a desktop')
    or diag(join ', ', map { "$_->{id} $last{ $_->{id} }" } @users);


# ---- none lost, none doubled -----------------------------------------------

my @stored = map { session_of($_) } @users;
my %by_container = map { $_->{container} // '' => $_ } @stored;

is(scalar keys %by_container, USERS, 'each has a container of his own');
is_deeply([ sort(containers()) ], [ sort keys %by_container ],
          'and the engines have just these');

my %place;
$place{"$_->{address}:$_->{web_port}"}++ for @stored;
is(scalar keys %place, USERS, 'no two lead to one port');

my %password;
$password{ $_->{vnc_password} }++ for @stored;
is(scalar keys %password, USERS, 'no two have one password');
planted_secret(keys %password);

my %slots = map { my $name = $_; map { $_ => $name } slots($name) }
            map { $_->{sshd}->address . ':' . $_->{sshd}->port } @hosts;

is_deeply(\%slots, { map { $_->{id} => $_->{host} } @stored },
          'a slot is held for each, where its container is');

my %share;
$share{$_}++ for values %slots;
ok((grep { $_ >= USERS / 4 } values %share) == 2, 'both hosts have their share')
    or diag(join ', ', map { "$_ $share{$_}" } sort keys %share);

is((grep { $_->{attempts} == 1 } @stored), USERS, 'nobody was tried twice');

my %ready;

for my $event (@{ redis('XRANGE', 'rd:{test}:events', '-', '+') }) {
    my %field = @{ $event->[1] };
    $ready{ $field{session} }++
        if $field{type} eq 'session_created';
}

is_deeply(\%ready, { map { $_->{id} => 1 } @stored },
          'each became ready once');


# ---- and all stop at once --------------------------------------------------

@clients = map { RD::Client->connect($RD::ServerPort, 5) } @users;

for my $i (0 .. $#users) {
    $clients[$i]->send(RD::Client::compose('POST /remote-desktop/api/destroy',
        RD::Visitor::headers($users[$i], 'POST'), 'close'));
}

%code = ();
$code{ $_->response(40, 'POST')->{code} }++ for @clients;
is_deeply(\%code, { 200 => USERS }, 'all stop');

ok(wait_until(60, sub { my @all = containers(); !@all }),
   'nothing is left on the hosts');
ok(wait_until(10, sub {
       return !grep { slots($_->{sshd}->address . ':' . $_->{sshd}->port) }
                    @hosts;
   }), 'no slot is held');
is((grep { my @rows = history_of($_); @rows == 1 } @users), USERS,
   'history has one row each');

__DATA__

=== TEST 1: nginx starts with two hosts
--- main_config
thread_pool default threads=8;
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
$TEST_NGINX_HOST2
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
  shm_size: 16m
  cpu_limit: 0.5
--- request
GET /remote-desktop/api/status
--- error_code: 401
