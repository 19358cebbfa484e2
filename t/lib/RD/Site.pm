package RD::Site;

# The site most suites are about: the API, the gate, Redis and CTFd's key, as
# conf/ctfd.conf has them.  A block's own sections come instead of these.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(ready_session);

our $Http = <<'END';
    rd_site $TEST_NGINX_SITE;
    rd_hosts $TEST_NGINX_HOSTS;
    rd_redis unix:$TEST_NGINX_REDIS_SOCK;
    rd_ctfd_redis unix:$TEST_NGINX_CTFD_REDIS_SOCK;
    rd_ctfd_secret_file $TEST_NGINX_SECRET_FILE;
END

our $Config = <<'END';
        location /remote-desktop/api/ {
            rd_api;
        }

        location ~ ^/remote-desktop/vnc/([^/]+)/websockify$ {
            rd_gate $1;
            proxy_pass http://$rd_backend/websockify;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }
END

# what a suite needs no host for: one that nobody can reach
our $Hosts = <<'END';
workspace_hosts:
  - hostname: 192.0.2.1
END


sub preprocess {
    my ($block) = @_;

    $block->set_value('http_config', $Http) if !defined $block->http_config;
    $block->set_value('config', $Config) if !defined $block->config;
    $block->set_value('hosts', $Hosts) if !defined $block->hosts;
}


# The Redis lines of a session somebody has, ready or as %more says; its
# container is whatever answers at 127.0.0.1:$port.

sub ready_session {
    my ($user, $port, %more) = @_;

    my $id = sprintf '%032x', $user;
    my $now = 1000 * time;
    my $tag = 'rd:{$TEST_NGINX_SITE}:';

    my %session = (
        id => $id, kind => 'desktop', provider => 'docker', owner => $user,
        username => "user$user", account => "user$user", epoch => 4,
        state => 'ready', step => 'ready', message => '"Desktop ready!"',
        host => 'h1', container => "rd-test-$id", address => '127.0.0.1',
        web_port => $port, vnc_port => 1, vnc_password => 'pLaNtEd8',
        created_ms => $now - 5000, ready_ms => $now,
        expires_ms => $now + 3600_000, extension_s => 1200,
        extensions_used => 0, extensions_max => 3, %more,
    );

    return "SET ${tag}owner:$user $id\n"
         . "SET ${tag}last:$user $id\n"
         . "DEL ${tag}session:$id\n"
         . "HSET ${tag}session:$id "
         . join(' ', map { "$_ $session{$_}" } sort keys %session) . "\n";
}


1;
