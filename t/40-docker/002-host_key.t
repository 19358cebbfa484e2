# A host is believed by its key alone.

use strict;
use warnings;

use Test::More;

use RD::DockerHost;
use RD::Driver;
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

my $host = RD::DockerHost->start;
my $sshd = RD::Sshd->start(host => $host, host_keys => ['ed25519', 'ecdsa']);

my ($ed25519, $ecdsa) = split(/\n/, RD::Sshd::slurp($sshd->known_hosts));
my ($name, $type, $key) = split(/ /, $ed25519);

is(check()->{code}, 'ok', 'a known key');

my $a = check(known_hosts => $sshd->wrong_known_hosts);
is($a->{code}, 'ssh_host_key', 'another key than the known one');
like($a->{detail}, qr/SHA256:\S{43},/, '... whose fingerprint is told');
unlike($sshd->log, qr/Accepted publickey.*\n.*Accepted/s,
    '... and nobody logs in there');

is(known("$ed25519\n")->{code}, 'ok',
    'known by ed25519 alone, though the host has ecdsa');
is(known("$ecdsa\n")->{code}, 'ok',
    'known by ecdsa alone, though the host has ed25519');

$a = known('');
is($a->{code}, 'ssh_host_key', 'an unknown host');
like($a->{detail}, qr/has no entry for \[\Q${\$sshd->address}\E\]:\d+/,
    '... and what is missing is told');

is(known("127.9.9.9 $type $key\n")->{code}, 'ssh_host_key',
    "another host's line says nothing");
is(known('[' . $sshd->address . "]:1 $type $key\n")->{code}, 'ssh_host_key',
    "another port's line says nothing");

is(known("# a comment\n\n  \nrubbish\n\@cert-authority * $type $key\n"
        . "@{['x' x 9000]}\n$ed25519\n")->{code}, 'ok',
    'other lines do not hide ours');
is(known("a,b,$name,c $type $key a comment\n")->{code}, 'ok',
    'one of several names');
is(known("$ed25519\n\@revoked * $type $key\n")->{code}, 'ssh_host_key',
    'a revoked key is refused, whatever else knows it');
is(known("\@cert-authority $name $type $key\n")->{code}, 'ssh_host_key',
    'a certificate authority is no host key');

my $hashed = "$sshd->{dir}/hashed";
RD::Sshd::spew($hashed, "$ed25519\n", 0600);
RD::DockerHost::run('ssh-keygen', '-q', '-H', '-f', $hashed);
unlike(RD::Sshd::slurp($hashed), qr/127\./, 'hashed names');
is(check(known_hosts => $hashed)->{code}, 'ok', '... are found');

$a = check(known_hosts => '/nonexistent/known_hosts');
is($a->{code}, 'ssh_host_key', 'a known_hosts file that is not there');
like($a->{detail}, qr{/nonexistent/known_hosts}, '... is named');

# without a file of its own: ~/.ssh/known_hosts

my $home = "$sshd->{dir}/newcomer";
mkdir $home;
mkdir "$home/.ssh";

is(check(known_hosts => undef, env => { HOME => $home })->{code},
    'ssh_host_key', 'a home that knows no host');
RD::Sshd::spew("$home/.ssh/known_hosts", "$ed25519\n", 0600);
is(check(known_hosts => undef, env => { HOME => $home })->{code}, 'ok',
    '... and one that does');

is(check(known_hosts => $sshd->wrong_known_hosts, insecure => 1)->{code},
    'ok', 'host_key_check off believes everybody');

# RSA: libssh2 1.10 cannot check what sshd of today signs

my $rsa = RD::Sshd->start(host => $host, host_keys => ['rsa']);
$a = check(RD::Driver::over($rsa));

SKIP: {
    skip 'this libssh2 can check RSA', 1 if $a->{code} eq 'ok';
    is($a->{code}, 'ssh_algorithm', 'a host with an RSA key alone');
    like($a->{detail}, qr/RSA key.*libssh2 1\.\d+.*ed25519/, '... is told so');
}

done_testing();


sub known {
    my ($text) = @_;

    RD::Sshd::spew("$sshd->{dir}/known", $text, 0600);

    return check(known_hosts => "$sshd->{dir}/known");
}


sub check {
    my (%opt) = @_;

    my %host = (RD::Driver::over($sshd), %opt);
    delete $host{known_hosts} if !defined $host{known_hosts};

    my $driver = RD::Driver->start(%host);
    my $a = $driver->ask('check', 'rd-test-desktop:latest', 20000);

    $driver->stop or fail('a report of a sanitizer');

    return $a;
}
