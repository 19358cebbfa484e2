package RD::Site;

# The site most suites are about: the API, the gate, Redis and CTFd's key, as
# conf/ctfd.conf has them.  A block's own sections come instead of these.

use strict;
use warnings;

use Exporter qw(import);

use JSON::PP ();

use RD::Place qw(wait_until);

our @EXPORT = qw(ready_session give_desktop api kept_status progress
                 wait_progress session_of slots history_of);

our $Http = <<'END';
    rd_site $TEST_NGINX_SITE;
    rd_hosts $TEST_NGINX_HOSTS;
    rd_redis unix:$TEST_NGINX_REDIS_SOCK;
    rd_ctfd_redis unix:$TEST_NGINX_CTFD_REDIS_SOCK;
    rd_ctfd_secret_file $TEST_NGINX_SECRET_FILE;
    rd_rate_limit create off;
    rd_rate_limit destroy off;
    rd_rate_limit extend off;
END

our $Config = <<'END';
        location /remote-desktop/api/ {
            rd_api;
        }

        location /remote-desktop/admin/api/ {
            rd_api admin;
        }

        location ~ ^/remote-desktop/vnc/([^/]+)/websockify$ {
            rd_gate $1;
            proxy_pass http://$rd_backend/websockify;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }

        location ~ ^/remote-desktop/terminal/([^/]+)/ws$ {
            rd_gate $1 websocket terminal;
            proxy_pass http://$rd_backend/ws;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
        }
END

# a gate in front of whatever HTTP the desktop speaks, for $Config
our $HttpGate = <<'END';
        location ~ ^/http/(\d+)/ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend;
        }
END

# what a suite needs no host for: one that nobody can reach
our $Hosts = <<'END';
workspace_hosts:
  - hostname: 192.0.2.1
END


# what the fleet and the queue remember for good
my ($kept, $unreachable);

sub preprocess {
    my ($block) = @_;

    RD::leave_keys(
        qr/\}:(?:events|host|pace|seq|queue_reason|story|sweep|probe|rate)\b/,
        qr/\}:reconcile$/,
        qr/\}:(?:installation$|forced:)/)
        if !$kept++;

    $block->set_value('http_config', $Http) if !defined $block->http_config;
    $block->set_value('config', $Config) if !defined $block->config;

    return if defined $block->hosts;

    $block->set_value('hosts', $Hosts);
    _unreachable() if !$unreachable++;
}


# Nobody says that a container on a host without a network is gone, so what a
# session had there stays, if it came so far.

sub _unreachable {
    RD::leave_keys(qr/\}:(?:slots|creates|lease|queue|stopping)\b/);
}


# The Redis lines of a session somebody has, ready or as %more says, bound to
# no account unless %more has account_tag or login; its
# container is whatever answers at 127.0.0.1:$port.  With for_gates => 1 the
# text for gates is there as well, and as long as it is, a later change of the
# record is none to them.

sub ready_session {
    my ($user, $port, %more) = @_;

    my $for_gates = delete $more{for_gates};
    my $id = sprintf '%032x', $user;
    my $now = 1000 * time;
    my $tag = 'rd:{$TEST_NGINX_SITE}:';

    my %session = (
        id => $id, kind => 'desktop', provider => 'docker', owner => $user,
        username => "user$user", account => "user$user", epoch => 4,
        state => 'ready', step => 'ready', message => '"Desktop ready!"',
        host => 'h1', container => "rd-test-$id", address => '127.0.0.1',
        web_port => $port, vnc_port => 1, vnc_password => 'pLaNtEd8',
        view_password => 'pLaNtEdV',
        created_ms => $now - 5000, ready_ms => $now,
        expires_ms => $now + 3600_000, extension_s => 1200,
        extensions_used => 0, extensions_max => 3,
        terminal_port => 0, team_id => 0, reason => '""', ssh_port => 0,
        account_tag => '""', login => '""',
        %more,
    );

    # these stand first, as claim.lua has it, and in that text
    my @first = qw(id state address web_port terminal_port expires_ms team_id
                   reason ssh_port created_ms extensions_used extensions_max
                   account_tag login);
    my %first = map { $_ => 1 } @first;
    my @rest = grep { !$first{$_} } sort keys %session;
    my $text = join "\0", (map { $_ eq '""' ? '' : $_ } @session{@first}), '.';

    return "SET ${tag}owner:$user $id\n"
         . "SET ${tag}last:$user $id\n"
         . "DEL ${tag}session:$id\n"
         . "HSET ${tag}session:$id "
         . join(' ', map { "$_ $session{$_}" } @first, @rest) . "\n"
         . ($for_gates ? "SET ${tag}ready:$user $text PXAT "
                         . "$session{expires_ms}\n" : '');
}


# ---- for suites in plain Perl ----------------------------------------------

# The same at once: user $id has a ready desktop at $port.

sub give_desktop {
    my ($id, $port, %more) = @_;

    for my $line (split /\n/, ready_session($id, $port, %more)) {
        RD::redis($line =~ s/\$TEST_NGINX_SITE/RD::site()/ger);
    }
}


# api($visitor, 'POST create'): { code, json, head, body }

sub api {
    my ($visitor, $what, %option) = @_;

    my ($method, $path) = split ' ', $what;
    my $res = RD::http("$method /remote-desktop/api/$path",
                       visitor => $visitor, %option);

    $res->{json} = eval { JSON::PP::decode_json($res->{body}) } // {};
    return $res;
}


# Polls `status` until none of twenty in a row asked Redis for a desktop, which
# find.lua alone does by MGET; word of a change may still be on its way.  What
# the last one said; undef when Redis is always asked.

sub kept_status {
    my ($visitor) = @_;

    my $said;

    return RD::wait_until(10, sub {
        my $before = desktops_asked();
        $said = api($visitor, 'GET status')->{json} for 1 .. 20;
        return desktops_asked() == $before;
    }) ? $said : undef;
}

sub desktops_asked {
    return RD::redis('INFO', 'commandstats') =~ /^cmdstat_mget:calls=(\d+)/m
           ? $1 : 0;
}


sub progress {
    my ($visitor) = @_;

    return api($visitor, 'GET creation-status')->{json};
}


# Polls until the status matches; the last answer either way.

sub wait_progress {
    my ($visitor, $status, $seconds) = @_;

    my $last = {};

    wait_until($seconds // 20, sub {
        $last = progress($visitor);
        return ($last->{status} // '') =~ /^(?:$status)$/;
    });

    return $last;
}


# the session Redis has of a user, live or last: { field => value }

sub session_of {
    my ($visitor) = @_;

    my $tag = 'rd:{' . RD::site() . '}:';
    my $id = RD::redis('GET', "${tag}owner:$visitor->{id}")
             // RD::redis('GET', "${tag}last:$visitor->{id}") // return {};

    my @fields = _list(RD::redis('HGETALL', "${tag}session:$id"));
    return { @fields };
}


# ids that hold a slot on a host

sub slots {
    my ($host) = @_;

    return _list(RD::redis('SMEMBERS', 'rd:{' . RD::site() . "}:slots:$host"));
}


# the history entries of a user: ({ field => value }, ...), oldest first

sub history_of {
    my ($visitor) = @_;

    my @rows = map { my ($id, $fields) = @$_; +{ @$fields } }
        _list(RD::redis('XRANGE', 'rd:{' . RD::site() . '}:history', '-', '+'));

    return grep { $_->{owner} eq $visitor->{id} } @rows;
}


sub _list {
    return map { ref $_ eq 'ARRAY' ? @$_ : $_ } @_;
}


1;
