package RD::Browser;

# A player's browser on a site of real parts: the pages, the stand-in for CTFd's
# login, and Chromium driven by t/browser/desktop.mjs.

use strict;
use warnings;

use Exporter qw(import);
use IO::Handle;
use IPC::Open2 qw(open2);
use JSON::PP ();
use POSIX qw(WNOHANG);
use Test::More ();

use RD::DockerHost;
use RD::Place qw(prefix top wait_until);

our @EXPORT = qw(browser browsers step go_on desktop_image serve_pages
                 start_login);

# the site's own sections for a block that shows pages
our $Http = <<'END';
    include /etc/nginx/mime.types;
    upstream login { server unix:$TEST_NGINX_LOGIN_SOCK; }
END

our $Config = <<'END';
include $TEST_NGINX_TOP/conf/desktop.inc;
location / {
    proxy_pass http://login;
    proxy_set_header Host $http_host;
}
END

my ($login_pid, @browsers);


# the real image, in the engines of these hosts

sub desktop_image {
    for my $host (@_) {
        system(top() . '/tools/image-load.sh', $host->{docker}->socket) == 0
            or die "the desktop image could not be made\n";
    }
}


# the published pages, where conf/desktop.inc looks for them

sub serve_pages {
    my $web = "$ENV{TEST_NGINX_BUILD}/web";

    system("'" . top() . "/tools/pages.sh' '$web' '$ENV{TEST_NGINX_BUILD}'"
           . ' > /dev/null') == 0
        or die "the pages could not be published\n";
    symlink $web, prefix() . '/web';
}


sub start_login {
    my ($redis, $site) = @_;

    # which users have had a record is kept for ever
    RD::leave_keys(qr/\}:(?:known:\d+|records)$/);

    $ENV{TEST_NGINX_LOGIN_SOCK} = "$redis.login";

    $login_pid = RD::DockerHost::spawn(prefix() . '/logs/login.log',
        "$ENV{TEST_NGINX_BUILD}/venv/bin/python",
        top() . '/tools/login/login.py',
        '--listen', "unix:$ENV{TEST_NGINX_LOGIN_SOCK}",
        '--redis', "unix:$redis",
        '--secret-file', $ENV{TEST_NGINX_SECRET_FILE}, '--site', $site);

    return wait_until(10, sub { -S $ENV{TEST_NGINX_LOGIN_SOCK} });
}


# A browser that takes its steps; %env without RD_, see t/browser/desktop.mjs,
# which SCRIPT names another one than.

sub browser {
    my (%env) = @_;

    my $script = delete $env{SCRIPT} // 'desktop.mjs';

    local @ENV{map { "RD_$_" } keys %env} = values %env;
    local $ENV{RD_URL} = "http://127.0.0.1:$RD::ServerPort";
    local $ENV{RD_NODE} = "$ENV{TEST_NGINX_BUILD}/node";
    local $ENV{RD_SHOTS} = prefix();

    my $browser = { said => {} };

    $browser->{pid} = open2($browser->{out}, $browser->{in}, 'node',
                            top() . "/t/browser/$script");
    push @browsers, $browser;

    return $browser;
}


sub browsers { return @browsers }


# Reads what it says up to a step; that step's line, or nothing when it failed.

sub step {
    my ($browser, $want) = @_;

    return delete $browser->{said}{$want} if $browser->{said}{$want};

    my $out = $browser->{out};

    while (defined(my $line = <$out>)) {
        my $said = JSON::PP::decode_json($line);
        my $name = $said->{step};

        $browser->{said}{$name} = $said;
        Test::More::diag($line) if $name =~ /^(?:failed|pageerror|console)$/;

        return delete $browser->{said}{$name} if $name eq $want;
        return if $name eq 'failed' || $name eq 'done';
    }

    return;
}


# the word a browser waits for after a step of HOLD

sub go_on {
    my ($browser) = @_;

    # one that has failed hears nothing; what is left must still be cleared
    local $SIG{PIPE} = 'IGNORE';
    print { $browser->{in} } "\n";
}


END {
    local $?;
    local $SIG{PIPE} = 'IGNORE';

    # a browser that is held goes when its input ends
    close $_->{in} for @browsers;

    for my $pid (grep { defined } $login_pid, map { $_->{pid} } @browsers) {
        kill TERM => $pid;
        wait_until(10, sub { waitpid($pid, WNOHANG) != 0 }) and next;
        kill KILL => $pid;
        waitpid $pid, 0;
    }
}


1;
