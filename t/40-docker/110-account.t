# The desktop of an account whose user id another one has by now really goes:
# its container is removed, its slot is free, and the next account's desktop
# comes up on a host with room for one.

use RD 'no_plan';
use RD::Site;

$RD::Site::Http .= "    rd_zone rd:1m;\n";

my ($host) = docker_hosts(1);
my $docker = $host->{docker};
my $tag = 'rd:{' . RD::site() . '}:';

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history)/, qr/\}:session:/);

run_tests();


sub create {
    my ($visitor, $name) = @_;

    is(api($visitor, 'POST create')->{code}, 200, "$name may create at once");
    is(wait_progress($visitor, 'ready|failed', 60)->{status}, 'ready',
       "$name has a desktop");

    my $session = session_of($visitor);
    ok(gone($session->{container}, 0), "$name has a container");

    return $session;
}

sub gone {
    my ($container, $wanted) = @_;

    return RD::Place::wait_until(30, sub {
        my $there = grep { $_ eq $container } $docker->containers;
        return $wanted ? !$there : $there;
    });
}

my $first = create(visitor('una:31 norecord'), 'the first login');
my $next = create(visitor('next:31 norecord'), 'another login of the id');

ok(gone($first->{container}, 1), 'the container of the first one is removed');
is_deeply([slots($next->{host})], [$next->{id}],
          'of two desktops one holds the only slot');

# the account gets a record, which says that it is still the same one
my $same = visitor('next:31 tag:31-100');
ok(RD::Place::wait_until(10, sub {
       session_of($same)->{account_tag} eq '31-100' }),
   'a record binds the desktop of a login');
ok(api($same, 'GET status')->{json}{session}, 'which goes on');

# nobody asks for anything: the account is another one, that is all
my $last = visitor('last:31 tag:31-200');

ok(gone($next->{container}, 1),
   'the container of an account that has gone is removed unasked');
ok(RD::Place::wait_until(20, sub { !slots($next->{host}) }),
   'and its slot is free');
is((history_of($last))[-1]{reason}, 'account_changed', 'history says why');

create($last, 'the next account');
is(api($last, 'POST destroy')->{code}, 200, 'and stops it');
ok(RD::Place::wait_until(30, sub { !$docker->containers }), 'all are gone');
ok(RD::Place::wait_until(20, sub { session_of($last)->{state} eq 'ended' }),
   'and over');

__DATA__

=== TEST 1: nginx starts
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
    max_sessions: 1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 256m
  shm_size: 64m
  cpu_limit: 0.5
--- request
GET /remote-desktop/api/status
--- error_code: 401
