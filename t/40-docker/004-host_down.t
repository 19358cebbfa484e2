# What a host that dies costs: its deadline at most, and never a container
# that nobody mentions.

use strict;
use warnings;

use Test::More;

use IO::Socket::INET;
use RD::DockerHost;
use RD::Driver;
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

use constant { SLACK_MS => 3000 };      # of a busy machine

my $image = 'rd-test-desktop:latest';

my $far = RD::DockerHost->start(netns => 1);
my $sshd = RD::Sshd->start(host => $far);
my $driver = RD::Driver->start(RD::Driver::over($sshd));

# a black hole

is(check()->{code}, 'ok', 'a host that lives');

$far->cut;

my $a = $driver->ask('find', 'rd-x', 1000);
is($a->{code}, 'ssh_timeout', 'cut off: a warm connection');
in_time($a, 1000);
is($a->{more}, 'unknown', '... says nothing about the container');
is($driver->ask('connections')->{more}, 0, '... and is given up');

$a = $driver->ask('find', 'rd-x', 1000);
is($a->{code}, 'ssh_timeout', 'cut off: a new connection');
in_time($a, 1000);

$a = start('rd-x', 1500);
is($a->{code}, 'ssh_timeout', 'cut off: a start');
is($a->{more}{leftover}, 0, '... that never reached the engine leaves nothing');
in_time($a, 1500);

$far->heal;

is(check()->{code}, 'ok', 'back again');

# sshd dies between two calls; a check has a connection of its own

is($driver->ask('connections')->{more}, 0, 'a check leaves no connection');
is($driver->ask('find', 'rd-x', 5000)->{code}, 'ok', 'a call does');
is($driver->ask('connections')->{more}, 1, 'one connection');
$sshd->restart;
$a = $driver->ask('find', 'rd-x', 5000);
is($a->{code}, 'ok', 'sshd was restarted: the call is made again')
    or diag($a->{detail});
is($driver->ask('connections')->{more}, 1, '... on a fresh connection');

$sshd->stop;
$a = $driver->ask('find', 'rd-x', 5000);
is($a->{code}, 'ssh_connect', 'sshd is gone');
like($a->{detail}, qr/connecting to \S+ port \d+: Connection refused/,
    '... and it is told what happened');
is($driver->ask('connections')->{more}, 0, '... no connection is kept');
$sshd->restart;

# names

$a = RD::Driver->start(RD::Driver::over($sshd), hostname => 'no.such.invalid')
    ->ask('find', 'rd-x', 3000);
is($a->{code} =~ /^ssh_(?:connect|timeout)$/ ? 1 : 0, 1,
    "a name nobody knows ($a->{code})");
in_time($a, 3000);

# a port that accepts and says nothing, and one that says nonsense

my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5);
my $to_mute = RD::Driver->start(RD::Driver::over($sshd),
    hostname => '127.0.0.1', port => $mute->sockport);
$a = $to_mute->ask('find', 'rd-x', 800);
is($a->{code}, 'ssh_timeout', 'a port that says nothing');
in_time($a, 800);
ok($to_mute->stop, 'no report of a sanitizer');

# the engine hangs, then dies

my $c = start('rd-y', 20000);
is($c->{code}, 'ok', 'a container') or diag($c->{detail});

$far->freeze;
$a = $driver->ask('find', 'rd-y', 1000);
is($a->{code}, 'docker_timeout', 'an engine that hangs, on a host that lives');
in_time($a, 1000);

$a = start('rd-z', 2000);
is($a->{code}, 'docker_timeout', 'an engine that hangs: a start');
is($a->{more}{leftover}, 1, '... may still be carried out, and is mentioned');
in_time($a, 2000);
$far->thaw;

# ... and so it was: the engine takes up what it was told
RD::DockerHost::run('timeout', '20', 'sh', '-c',
    "until docker -H unix://@{[$far->socket]} inspect rd-z; do :; done");
is($driver->ask('remove', 'rd-z', 'site', 's1', 10000)->{code}, 'ok',
    'what was mentioned can be removed');
is($driver->ask('remove', 'rd-y', 'site', 's1', 10000)->{code}, 'ok',
    'and the other one');
is_deeply([$far->containers], [], 'no container is left');

$far->stop;
ok($driver->stop, 'no report of a sanitizer');

# an engine that is not there

my $host = RD::DockerHost->start(image => 0);
my $forwards = RD::Sshd->start(address => $host->address,
    socket => "$host->{dir}/none.sock");
$driver = RD::Driver->start(RD::Driver::over($forwards));
$a = check();
is($a->{code}, 'docker_connect', 'no engine behind a living sshd');
like($a->{detail}, qr/ended with 1: .*docker\.sock/,
    '... in the words of the docker CLI');
ok($driver->stop, 'no report of a sanitizer');

$driver = RD::Driver->start(RD::Driver::over($forwards),
    docker_socket => '/run/other.sock');
is(check()->{code}, 'ssh_channel', 'a socket the CLI would not know of');
ok($driver->stop, 'no report of a sanitizer');

$driver = RD::Driver->start(local => 1, docker_socket => '/nonexistent.sock');
is(check()->{code}, 'docker_connect', 'no engine on this machine');
ok($driver->stop, 'no report of a sanitizer');

done_testing();


sub check {
    return $driver->ask('check', $image, 5000);
}


sub start {
    my ($name, $ms) = @_;

    return $driver->ask('start', $name, 'site', 's1', 1, $image,
        $far->address, $ms);
}


sub in_time {
    my ($a, $ms) = @_;

    cmp_ok($a->{ms}, '<', $ms + SLACK_MS, '... costs its deadline at most');
}
