# known_hosts is read as OpenSSH reads it: each file is given to ssh(1), too.
# What cannot be read and might revoke a key trusts nobody, and is named.

use strict;
use warnings;

use Test::More;

use RD::DockerHost;
use RD::Driver;
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

my $host = RD::DockerHost->start(image => 0);
my $sshd = RD::Sshd->start(host => $host, host_keys => ['ed25519', 'ecdsa']);

my ($ed25519, $ecdsa) = split(/\n/, RD::Sshd::slurp($sshd->known_hosts));
my ($name, $type, $key) = split(/ /, $ed25519);
my $line = "$type $key";
my ($address, $port) = ($sshd->address, $sshd->port);
my ($net) = $address =~ /^(\d+\.\d+)\./;
my ($wrong) = map { (split / /)[2] }
    split(/\n/, RD::Sshd::slurp($sshd->wrong_known_hosts));
chomp $wrong;

my $file = $sshd->dir . '/written';

# title, text, 1: trusted, what the detail says; 0 at the end: ssh(1) differs

my @cases = (
    ['a known key', "$name $line\n", 1],
    ['a known key with CR LF', "$name $line\r\n", 1],
    ['a known key without a line feed', "$name $line", 1],
    ['tabs, blanks and a comment', " \t$name\t\t$line  a comment\r\n", 1],
    ['one of several names', "a,b,$name,c $line\n", 1],
    ['a wildcard', "[$net.*]:$port $line\n", 1],
    ['a wildcard of one character',
     '[' . $address =~ s/.$/?/r . "]:$port $line\n", 1],
    ['every host', "* $line\n", 1],
    ['the name without the port', "$address $line\n", 1],
    ['a wildcard of another network', "[10.1.*]:$port $line\n", 0,
     qr/has no entry for/],
    ['an excluded host', "!$name,$name $line\n", 0, qr/has no entry for/],
    ['a host that is excluded behind its name', "$name,!$name $line\n", 0,
     qr/has no entry for/],
    ['a host that is excluded by a wildcard', "[*]:*,![$net.*]:* $line\n", 0,
     qr/has no entry for/],
    ['another host that is excluded', "!other,* $line\n", 1],
    ['a revoked key', "\@revoked * $line\n$name $line\n", 0,
     qr/is revoked in line 1 of \Q$file\E/],
    ['a revoked key with CR LF', "\@revoked * $line\r\n$name $line\n", 0,
     qr/is revoked in line 1 of \Q$file\E/],
    ['a key that is revoked for this host alone',
     "$name $line\n\@revoked $name $line\n", 0, qr/is revoked in line 2/],
    ['another key that is revoked',
     "$name $line\n\@revoked * $type $wrong\n", 1],
    ['another key', "# a comment\n$name $type $wrong\n", 0,
     qr/line 2 of \Q$file\E says another: somebody may be in between/],
    ['another key and the right one', "$name $type $wrong\n$name $line\n", 1],
    ['another key with the port, the right one without',
     "$name $type $wrong\n$address $line\n", 0, qr/says another/],
    ['a certificate authority', "\@cert-authority $name $line\n", 0,
     qr/\@cert-authority in line 1 of \Q$file\E .*cannot verify/],
    ['a certificate authority of every host, and the key',
     "\@cert-authority * $line\n$name $line\n", 1],
    ['a certificate authority of another host',
     "\@cert-authority *.example $line\n", 0, qr/has no entry for/],
    ['a key that is cut off', "$name $type " . substr($key, 0, 21) . "\n", 0,
     qr/unknown; line 1 of \Q$file\E cannot be read: its key/],
    ['a line without a key', "$name\n", 0, qr/line 1 .*it has no key/],
    ['rubbish about others', "rubbish\n\@cert-authority x y\nx 1 2 3\n$name "
        . "$line\n", 1],

    # here ssh(1) ignores the line
    ['a revocation without a key', "\@revoked *\n$name $line\n", 0,
     qr/while line 1 of \Q$file\E cannot be read: it has no key/, 0],
    ['a marker that is mistyped', "\@Revoked * $line\n$name $line\n", 0,
     qr/while line 1 of \Q$file\E cannot be read: its marker/, 0],
    ['a file that begins with a byte order mark',
     "\xef\xbb\xbf\@revoked * $line\n$name $line\n", 0,
     qr/while line 1 .*byte order mark/, 0],
    ['lines that end with CR alone', "$name $line\r\@revoked * $line\r", 0,
     qr/while line 1 .*carriage return/, 0],
    ['a zero byte', "$name $line\n#\0\@revoked * $line\n", 0,
     qr/while line 2 .*zero byte/, 0],
    ['a key that another host revokes', "\@revoked other $line\n$name $line\n",
     0, qr/is revoked in line 1/, 0],
);

for my $case (@cases) {
    my ($title, $text, $trusted, $detail, $same) = @$case;

    RD::Sshd::spew($file, $text, 0600);
    check($title, $trusted, $detail);
    is(openssh(), $trusted, '... ssh(1) says the same') if $same // 1;
}

# hashed names

RD::Sshd::spew($file, "$name $line\nother $line\n", 0600);
RD::DockerHost::run('ssh-keygen', '-q', '-H', '-f', $file);
check('a hashed name', 1);
is(openssh(), 1, '... ssh(1) says the same');
RD::Sshd::spew($file, RD::Sshd::slurp($file) =~ s/\n/\r\n/gr, 0600);
check('a hashed name with CR LF', 1);
RD::Sshd::spew($file, RD::Sshd::slurp($file) =~ s/^\|1\|./|1|*/gmr, 0600);
check('a hash that cannot be read', 0, qr/has no entry for/);

# files

mkdir "$file.d";
check('a folder', 0, qr/\Q$file.d\E cannot be read: Is a directory/,
    known_hosts => "$file.d");

my $home = $sshd->dir . '/newcomer';
mkdir $home;
mkdir "$home/.ssh";
mkdir "$home/.ssh/known_hosts";
check('~/.ssh/known_hosts that cannot be read', 0,
    qr{\Q$home\E/.ssh/known_hosts cannot be read}, known_hosts => undef,
    env => { HOME => $home });

done_testing();


sub check {
    my ($title, $trusted, $detail, %opt) = @_;

    my %host = (RD::Driver::over($sshd), known_hosts => $file, %opt);
    delete $host{known_hosts} if !defined $host{known_hosts};

    my $driver = RD::Driver->start(%host);
    my $a = $driver->ask('check', 'none', 20000);

    # the engine has no image, which is found out behind the login
    is($a->{code}, $trusted ? 'docker_no_image' : 'ssh_host_key',
        "$title: " . ($trusted ? 'trusted' : 'refused'))
        or diag($a->{detail});
    like($a->{detail}, $detail, '... the detail says why') if $detail;
    $driver->stop or fail('a report of a sanitizer');
}


# 1: the real client trusts the host

sub openssh {
    my @options = map { ('-o', $_) } 'BatchMode=yes', 'LogLevel=ERROR',
        'StrictHostKeyChecking=yes', 'UpdateHostKeys=no',
        "UserKnownHostsFile=$file", 'GlobalKnownHostsFile=/dev/null',
        'HostKeyAlgorithms=ssh-ed25519', 'IdentitiesOnly=yes';

    return system("ssh -F none @options -i '@{[ $sshd->key_file ]}' -p $port "
        . "root\@$address true </dev/null >/dev/null 2>&1") == 0 ? 1 : 0;
}
