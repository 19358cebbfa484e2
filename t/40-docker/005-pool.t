# Many threads, few connections.

use strict;
use warnings;

use Test::More;

use RD::DockerHost;
use RD::Driver;
use RD::Sshd;

plan skip_all => RD::DockerHost->missing if RD::DockerHost->missing;

my $host = RD::DockerHost->start;
my $sshd = RD::Sshd->start(host => $host);

my $driver = RD::Driver->start(RD::Driver::over($sshd));
my $a = $driver->ask('storm', 8, 40, 'rd-x', 10000);
is($a->{more}{ok}, 320, '8 threads, 4 connections: every call is answered')
    or diag($a->{detail});
is($a->{more}{unknown}, 0, '... with an answer');
is($a->{more}{connections}, 4, '... and never more connections than allowed');

# idleness

is($driver->ask('connections')->{more}, 4, 'they are kept warm');
is($driver->ask('retire')->{more}, 4, '... for a while');

$driver->ask('later', 10_000);
my $before = () = $sshd->log =~ /Accepted publickey/g;
is($driver->ask('find', 'rd-x', 5000)->{code}, 'ok',
    'after 10 s of idleness one is asked whether it lives');
my $after = () = $sshd->log =~ /Accepted publickey/g;
is($after, $before, '... and used');

$driver->ask('later', 51_000);
is($driver->ask('retire')->{more}, 1, 'after a minute the unused are closed');
$driver->ask('later', 61_000);
is($driver->ask('find', 'rd-x', 5000)->{code}, 'ok',
    'one that is too old is not used');
is($driver->ask('connections')->{more}, 1, '... but replaced');
ok($driver->stop, 'no report of a sanitizer');

# a dead one that nobody has noticed

$driver = RD::Driver->start(RD::Driver::over($sshd));
$driver->ask('storm', 8, 5, 'rd-x', 10000);
$sshd->restart;
$a = $driver->ask('storm', 8, 5, 'rd-x', 10000);
is($a->{more}{ok}, 40, 'all connections died: every call is answered')
    or diag($a->{detail});
ok($driver->stop, 'no report of a sanitizer');

# all lent, for longer than a job can wait

$driver = RD::Driver->start(RD::Driver::over($sshd), connections_max => 1);
$host->freeze;
is($driver->ask('hold', 'rd-x', 30000)->{more}, 1,
   'the one connection is lent');
$a = $driver->ask('find', 'rd-x', 500);
$host->thaw;
is($a->{code}, 'ssh_pool_full', '... so the pool is full');
like($a->{detail}, qr/connections_max 1/, '... and why');
cmp_ok($a->{ms}, '<', 2000, '... when the deadline comes');
is($driver->ask('join')->{code}, 'ok', 'the other one is served');
ok($driver->stop, 'no report of a sanitizer');

# the limits of sshd

my $tight = RD::Sshd->start(host => $host, config => <<'END');
MaxSessions 1
MaxStartups 2:50:4
AllowStreamLocalForwarding no
END

$driver = RD::Driver->start(RD::Driver::over($tight), connections_max => 6);
$a = $driver->ask('storm', 8, 10, 'rd-x', 10000);
cmp_ok($a->{more}{ok}, '>=', 40,
    'one session per connection, and an sshd that drops newcomers');
is($a->{more}{ok} + ($a->{more}{ssh_lost} // 0), 80,
    '... whom it dropped three times in a row is told so')
    or diag(explain $a->{more}, $a->{detail});
ok($driver->stop, 'no report of a sanitizer');

my $none = RD::Sshd->start(host => $host, config => <<'END');
MaxSessions 0
AllowStreamLocalForwarding no
END

$driver = RD::Driver->start(RD::Driver::over($none));
$a = $driver->ask('find', 'rd-x', 5000);
is($a->{code}, 'ssh_channel', 'an sshd that allows neither way');
like($a->{detail}, qr/MaxSessions/, '... and why');
ok($driver->stop, 'no report of a sanitizer');

done_testing();
