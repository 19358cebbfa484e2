# A container's life, over every way to an engine.

use strict;
use warnings;

use Test::More;

use RD::DockerHost;
use RD::Driver;
use RD::Place qw(wait_until);
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

my $host = RD::DockerHost->start;

my $image = 'rd-test-desktop:latest';
my $secret = 'Zx8-planted';

my $forwards = RD::Sshd->start(host => $host);
my $stdio = RD::Sshd->start(host => $host,
    config => "AllowStreamLocalForwarding no\n");

my %ways = (
    'a forwarded socket' => { RD::Driver::over($forwards) },
    'docker system dial-stdio' => { RD::Driver::over($stdio) },
    'a local socket' => { local => 1, docker_socket => $host->socket },
);

for my $way (sort keys %ways) {
    my $driver = RD::Driver->start(%{ $ways{$way} });

    my $a = $driver->ask('check', $image, 20000);
    is($a->{code}, 'ok', "$way: the host is fit") or diag($a->{detail});

    $a = start($driver, 'rd-s1', 1, 's1');
    is($a->{code}, 'ok', "$way: a container is made") or diag($a->{detail});
    is($a->{detail}, '', "$way: ... and there is nothing to say of it");
    is($host->running('rd-s1'), 1, "$way: ... and runs");

    # what was started listens a moment later
    my $env;
    wait_until(20, sub {
        $env = $host->get(port => $a->{more}{web}, path => '/env') || undef;
    });
    is($env, "RESOLUTION=800x600\nCTFD_USERNAME=ada\nMAX_LIFETIME=\n"
        . "VNC_PASSWORD=set\n", "$way: ... with its environment, on its port");

    is($driver->ask('find', 'rd-s1', 20000)->{more}, 'running',
        "$way: it is found");

    is($driver->ask('remove', 'rd-s1', 'site', 's1', 20000)->{code}, 'ok',
        "$way: it is removed");
    is_deeply([$host->containers], [], "$way: ... and gone");
    is($driver->ask('remove', 'rd-s1', 'site', 's1', 20000)->{code}, 'ok',
        "$way: being gone already is fine");
    is($driver->ask('find', 'rd-s1', 20000)->{more}, 'gone',
        "$way: a healthy engine says so");

    is($driver->ask('connections')->{more}, 1, "$way: by one connection");
    ok($driver->stop, "$way: no report of a sanitizer");
}

my $driver = RD::Driver->start(RD::Driver::over($forwards));

my $first = start($driver, 'rd-s2', 1, 's2');
my $again = start($driver, 'rd-s2', 1, 's2');
is($again->{code}, 'ok', 'the same epoch: made twice is no failure');
is($again->{more}{id}, $first->{more}{id}, '... it is the same container');
is($again->{more}{web}, $first->{more}{web}, '... on the same port');

$host->docker('kill', 'rd-s2');
is($driver->ask('find', 'rd-s2', 20000)->{more}, 'gone',
    'a container that has ended is gone');
$again = start($driver, 'rd-s2', 1, 's2');
is($again->{more}{id}, $first->{more}{id}, '... adopted all the same');
is($host->running('rd-s2'), 1, '... and started');

my $second = start($driver, 'rd-s2', 2, 's2');
is($second->{code}, 'ok', 'a later epoch');
isnt($second->{more}{id}, $first->{more}{id}, '... replaces the container');

my $stale = start($driver, 'rd-s2', 1, 's2');
is($stale->{code}, 'stale', 'an earlier epoch is told that it is stale');
is($stale->{more}{leftover}, 0, '... leaves nothing');
is($host->running('rd-s2'), 1, '... and touches nothing');

my $other = start($driver, 'rd-s2', 9, 's3');
is($other->{code}, 'docker_name_taken', 'another session is a stranger');
is($host->running('rd-s2'), 1, '... and its container is not touched');

$other = $driver->ask('remove', 'rd-s2', 'other-site', 's2', 20000);
is($other->{code}, 'docker_name_taken', 'another site cannot remove it');
is($host->running('rd-s2'), 1, '... it runs on');
like($other->{detail}, qr/site "site", session "s2"/, '... and is named');

$other = $driver->ask('remove', 'rd-s2', 'site', 's2', 20000, 1);
is($other->{code}, 'ok', 'who made an earlier one is told that it is gone');
is($host->running('rd-s2'), 1, '... and the later one is not touched');

my $copy = RD::Driver->start(RD::Driver::over($forwards),
                             installation => 'b' x 32);
is(start($copy, 'rd-s2', 9, 's2')->{code}, 'ok',
    'a container that says of no installation is replaced');
$other = start($driver, 'rd-s2', 10, 's2');
is($other->{code}, 'docker_name_taken', 'one of another installation is not');
like($other->{detail}, qr/installation "b{32}"/, '... and it is named');
is($host->running('rd-s2'), 1, '... it runs on');
is(start($copy, 'rd-s2', 10, 's2')->{code}, 'ok', 'its own one replaces it');
ok($copy->stop, 'no report of a sanitizer');

$host->docker('run', '-d', '--name', 'rd-foreign', $image);
is(start($driver, 'rd-foreign', 1, '')->{code}, 'docker_name_taken',
    'a container without our labels is a stranger too');
is($host->running('rd-foreign'), 1, '... and not touched');

$host->docker('rm', '-f', 'rd-foreign', 'rd-s2');

my $a = start($driver, 'rd-s4', 1, 's4', image => 'rd-none:latest');
is($a->{code}, 'docker_no_image', 'an image that is not there');
is($a->{more}{leftover}, 0, '... leaves nothing');
is($driver->ask('check', 'rd-none:latest', 20000)->{code}, 'docker_no_image',
    '... and the check tells it apart');

for my $name ('../../images/x/json?', 'a?b', '%2e%2e/x', '..', 'a/../b') {
    is($driver->ask('check', $name, 20000)->{code}, 'docker_no_image',
        "no image is called $name");
}

for my $name ('../version', 'a/b', '-x', 'x?force=true', 'x', 'x' x 129) {
    my $a = start($driver, $name, 1, 's5');
    is($a->{code}, 'docker_refused', 'no container is called '
        . substr($name, 0, 20));
}

is($driver->ask('remove', '../images/x', 'site', 's', 20000)->{code},
    'docker_refused', '... nor removed');
is($driver->ask('find', '../version', 20000)->{code}, 'docker_refused',
    '... nor looked for');

$a = start($driver, 'rd-s6', 1, 's6', address => '192.0.2.1');
is($a->{code}, 'docker_ports', 'an address that cannot be bound');
like($a->{detail}, qr/192\.0\.2\.1/, '... is named');
is($a->{more}{leftover}, 0, '... leaves nothing');

is_deeply([$host->containers], [], 'no container is left');
unlike(join('', map { $_->{detail} } @RD::seen), qr/\Q$secret\E/,
    'no detail holds the password');
ok($driver->stop, 'no report of a sanitizer');

done_testing();


sub start {
    my ($driver, $name, $epoch, $session, %opt) = @_;

    my $a = $driver->ask('start', $name, 'site', $session || '-', $epoch,
        $opt{image} // $image, $opt{address} // $host->address, 20000,
        "VNC_PASSWORD=$secret", 'RESOLUTION=800x600', 'CTFD_USERNAME=ada');

    push @RD::seen, $a;

    return $a;
}
