# Two installations that were given one site by mistake share a Docker host:
# each has a Redis of its own and knows nothing of the other.

use RD 'no_plan';
use RD::Machine;
use RD::Redis;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|events|history|warn)/, qr/\}:session:/);
two_redis();

my ($host) = docker_hosts(1);
my $docker = $host->{docker};
my $name = $host->{sshd}->address . ':' . $host->{sshd}->port;
my $tag = 'rd:{' . RD::site() . '}:';

run_tests();


# ---- the other installation: same site, same host, another Redis ------------

my $redis = RD::Redis->new('other')->start;
my $other = RD::Machine->start(sub {
    s{(rd_redis )unix:\S+;}{"$1unix:" . $redis->socket . ';'}e or die;
});

END {
    my $status = $?;
    $other->stop if $other;
    $redis->stop if $redis;
    $? = $status;
}

# a sweep of either has begun and ended after now
sub swept {
    return wait_until(60, sub { swept_by(sub { redis(@_) }) })
        && wait_until(60, sub { swept_by(sub { $redis->command(@_) }) });
}

my %seen;

sub swept_by {
    my ($ask) = @_;

    my %s = @{ $ask->('HGETALL', "${tag}sweep:$name") };
    my $from = $seen{ $ask->('INFO', 'server') =~ /run_id:(\w+)/ ? $1 : '' }
        //= $s{number} // 0;

    return ($s{number} // 0) >= $from + 3;
}

sub has {
    my ($container) = @_;
    return scalar grep { $_ eq $container } $docker->containers;
}

my ($ada, $bob) = map { visitor($_) } qw(ada bob);

ok(wait_until(20, sub { api($ada, 'GET status')->{code} == 200 }),
   'nginx has found CTFd\'s Redis');
api($ada, 'POST create');
is(wait_progress($ada, 'ready|failed')->{status}, 'ready',
   'ada has a desktop here');

is(http('POST /remote-desktop/api/create', visitor => $bob,
        port => $other->port)->{code}, 200, 'bob asks for one there');

my $theirs;
ok(wait_until(30, sub {
       ($theirs) = map { substr $_, -32 }
           @{ $redis->command('ZRANGE', "${tag}expiry", 0, -1) };
   }), 'and gets it');

my $mine_is = redis('GET', "${tag}installation");
my $theirs_is = $redis->command('GET', "${tag}installation");
like($mine_is, qr/^[0-9a-f]{32}$/, 'an installation has a name');
isnt($mine_is, $theirs_is, 'the two have two');

my $inspect = JSON::PP::decode_json(
    $docker->docker('inspect', session_of($ada)->{container}))->[0];
is($inspect->{Config}{Labels}{'rd.installation'}, $mine_is,
   'a container says whose it is');


# ---- nobody's, ours, and of before: all as old as an orphan has to be -------

sub container {
    my ($name, @label) = @_;

    $docker->docker('create', '--name', $name,
        (map { ('--label', $_) } 'rd.site=' . RD::site(),
         'rd.session=' . ('e' x 32), 'rd.epoch=3', @label),
        'rd-test-desktop:latest');
}

container('rd-ours', "rd.installation=$mine_is");
container('rd-theirs', "rd.installation=$theirs_is");
container('rd-lost', 'rd.installation=' . ('d' x 32));
container('rd-before');

ok(wait_until(90, sub { !has('rd-ours') && !has('rd-theirs') }),
   'each removes its own orphan');
ok(swept(), 'and sweeps on');
ok(has('rd-lost'), 'that of a Redis which is lost stays');
ok(has('rd-before'), 'so does one that says of no installation');
is(progress($ada)->{status}, 'ready', 'the desktop here lives');
ok(has(session_of($ada)->{container}), 'with its container');
ok(has('rd-' . RD::site() . "-$theirs"), 'so does the one there');

my %orphan = map { my %e = @{ $_->[1] };
                   $e{type} eq 'orphan_reaped' ? ($e{message} => 1) : () }
    @{ redis('XRANGE', "${tag}events", '-', '+') };
is_deeply([keys %orphan], ["reaped orphan container rd-ours on $name"],
          'here one orphan was found');


# ---- each ends its own ------------------------------------------------------

api($ada, 'POST destroy');
http('POST /remote-desktop/api/destroy', visitor => $bob,
     port => $other->port);
$docker->docker('rm', '-f', 'rd-lost', 'rd-before');
ok(wait_until(30, sub { !$docker->containers }), 'in the end nothing is left');

__DATA__

=== TEST 1: nginx starts
--- http_config eval
$RD::Site::Http . "    rd_probe_interval 1s;\n    rd_sweep_interval 1s;\n"
--- hosts
workspace_hosts:
$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
container_defaults:
  memory_limit: 64m
  cpu_limit: 0.1
--- request
GET /remote-desktop/api/status
--- error_code: 401
