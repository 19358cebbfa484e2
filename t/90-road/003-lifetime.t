# The last net: a container that everybody has forgotten ends by itself.

use RD 'no_plan';
use RD::Browser;
use RD::DockerHost;

no_module();

my ($host) = docker_hosts(1, image => 0);
my $docker = $host->{docker};

desktop_image($host);

sub desktop {
    my ($name, @more) = @_;

    $docker->docker('run', '-d', '--name', $name, '--init',
        (map { ('-e', $_) } 'VNC_PASSWORD=abcdefgh', 'CTFD_USERNAME=ada',
         'RESOLUTION=800x600', @more), 'ctfd-remote-desktop:latest');
}

sub status {
    my ($name) = @_;
    return $docker->docker('inspect', '--format', '{{.State.Status}} '
                           . '{{.State.ExitCode}}', $name) =~ s/\n//r;
}

desktop('rd-forever');
desktop('rd-short', 'MAX_LIFETIME=5');

ok(wait_until(60, sub { status('rd-short') =~ /^exited/ }),
   'a container ends when its lifetime is over');
is(status('rd-short'), 'exited 0', 'which is no failure');
is(status('rd-forever'), 'running 0', 'one without a lifetime runs on');

$docker->docker('rm', '-f', 'rd-short', 'rd-forever');

run_tests();

__DATA__

=== TEST 1: nothing else is needed
--- config
location = /a { return 200 "a\n"; }
--- request
GET /a
--- error_code: 200
