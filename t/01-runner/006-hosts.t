# docker_hosts(): engines behind sshds for a suite, and a container that is
# left behind makes its file fail.  On nginx as Debian has it.

use strict;
use warnings;

use Test::More;

use RD::DockerHost;
use RD::Inner;

plan(skip_all => RD::DockerHost->missing) if RD::DockerHost->missing;

sub suite {
    my ($code) = @_;

    return <<"END";
use RD 'no_plan';
no_module();
my (\$host) = docker_hosts(1);
run_tests();
$code
__DATA__

=== the entry of a host stands where it is asked for
--- config
location = /hosts { alias \$TEST_NGINX_HOSTS; }
--- hosts
workspace_hosts:
\$TEST_NGINX_HOST1
docker_image: rd-test-desktop:latest
--- request
GET /hosts
--- response_body_like
^workspace_hosts:
  - .*    port: \\d+
.*\\ndocker_image: rd-test-desktop:latest
END
}

passes('a suite with a host', suite(<<'END'));
is($ENV{TEST_NGINX_HOST1_ADDRESS}, $host->{docker}->address, 'its address');
is($ENV{TEST_NGINX_HOST1_PORT}, $host->{sshd}->port, 'its port');
is(scalar(() = $host->{docker}->containers), 0, 'nothing runs on it');
END

my $run = fails('a container that is left', suite(<<'END'),
$host->{docker}->docker('run', '-d', '--name', 'forgotten',
                        'rd-test-desktop:latest');
END
    qr/container forgotten was left/);

is(scalar(grep { !$_->[0] } @{ $run->{tests} }), 1, '... is all that is told');

done_testing();
