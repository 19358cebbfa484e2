# Which keys are tried, and what is said when none fits.

use strict;
use warnings;

use Test::More;

use File::Copy qw(copy);
use IO::Socket::UNIX;
use RD::DockerHost;
use RD::Driver;
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

my $host = RD::DockerHost->start;
my $sshd = RD::Sshd->start(host => $host);
my $dir = $sshd->{dir};
my $deadline_ms = 20000;

# keys that sshd knows, and one it does not
$sshd->key($_) for qw(ecdsa rsa);
RD::Sshd::keygen('ed25519', "$dir/strange");

is(check(key_file => $sshd->key('ed25519'))->{code}, 'ok', 'an ed25519 key');
is(check(key_file => $sshd->key('ecdsa'))->{code}, 'ok', 'an ecdsa key');

my $a = check(key_file => "$dir/strange");
is($a->{code}, 'ssh_auth', 'a key that sshd does not know');
like($a->{detail}, qr{user root; tried: \Q$dir\E/strange}, '... is named');

$a = check(key_file => "$dir/none");
is($a->{code}, 'ssh_auth', 'a key file that is not there');
like($a->{detail}, qr/No such file/, '... is told');

copy($sshd->key('ed25519'), "$dir/loose");
chmod 0644, "$dir/loose";
$a = check(key_file => "$dir/loose");
is($a->{code}, 'ssh_auth', 'a key file that others may read');
like($a->{detail}, qr/mode 0644.*chmod 600/, '... is refused, and why');

RD::Sshd::spew("$dir/rubbish", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
    0600);
is(check(key_file => "$dir/rubbish")->{code}, 'ssh_auth',
    'a file that holds no key');

is(check(user => 'nobody-here')->{code}, 'ssh_auth', 'a user sshd has not');

$a = check(key_file => $sshd->key('rsa'));
my $rsa_works = $a->{code} eq 'ok';

SKIP: {
    skip 'this libssh2 signs RSA with SHA-2', 2 if $rsa_works;
    is($a->{code}, 'ssh_algorithm', 'an RSA key');
    like($a->{detail}, qr/libssh2 1\.\d+\S* signs with RSA keys by SHA-1/,
        '... is named as the reason');
}

# no key file: the agent, then the usual names

my $home = "$dir/newcomer";
mkdir $home;
mkdir "$home/.ssh";

$a = usual();
is($a->{code}, 'ssh_auth', 'neither agent nor key');
like($a->{detail}, qr/no SSH_AUTH_SOCK.*none in ~/, '... is told');

copy($sshd->key('ecdsa'), "$home/.ssh/id_ecdsa");
chmod 0600, "$home/.ssh/id_ecdsa";
is(usual()->{code}, 'ok', 'a key of a usual name');

copy("$dir/strange", "$home/.ssh/id_ed25519");
chmod 0600, "$home/.ssh/id_ed25519";
is(usual()->{code}, 'ok', '... after one that is not accepted');

chmod 0640, "$home/.ssh/id_ecdsa";
$a = usual();
is($a->{code}, 'ssh_auth', '... unless others may read it');
like($a->{detail}, qr{id_ecdsa \(may be read by others\)}, '... is told');

unlink glob("$home/.ssh/id_*");

my $agent = RD::Sshd->agent($sshd->key('ed25519'));
is(usual($agent->socket)->{code}, 'ok', 'an agent');

$agent = RD::Sshd->agent($sshd->key('rsa'), "$dir/strange",
    $sshd->key('ecdsa'));
is(usual($agent->socket)->{code}, 'ok', '... whose third key fits');

$agent = RD::Sshd->agent($sshd->key('rsa'));
$a = usual($agent->socket);
is($a->{code}, $rsa_works ? 'ok' : 'ssh_algorithm',
    '... that has an RSA key alone');

$agent = RD::Sshd->agent();
$a = usual($agent->socket);
is($a->{code}, 'ssh_auth', '... that is empty');
like($a->{detail}, qr/holds no key/, '... is told');

$deadline_ms = 3000;
my $hung = IO::Socket::UNIX->new(Local => "$dir/hung.sock", Listen => 5);
$a = usual("$dir/hung.sock");
is($a->{code}, 'ssh_auth', '... that never answers');
ok($a->{ms} < 6500, "... costs no more than the deadline ($a->{ms} ms)");

done_testing();


sub usual {
    my ($socket) = @_;

    return check(key_file => undef, env => {
        HOME => $home, $socket ? (SSH_AUTH_SOCK => $socket) : (),
    });
}


sub check {
    my (%opt) = @_;

    my %host = (RD::Driver::over($sshd), %opt);
    delete $host{key_file} if !defined $host{key_file};

    my $driver = RD::Driver->start(%host);
    my $a = $driver->ask('check', 'rd-test-desktop:latest', $deadline_ms);

    $driver->stop or fail('a report of a sanitizer');

    return $a;
}
