package RD;

# Our runner for the Test::Nginx::Socket language; docs/DEVELOPING.md lists
# its sections.  Test::Base reads the blocks, the rest is here and in RD/.

use strict;
use warnings;

use Digest::SHA qw(sha1_hex);
use Test::Base;
use Test::More ();

use RD::Check;
use RD::Client;
use RD::DockerHost;
use RD::Exchange;
use RD::Guard;
use RD::Nginx;
use RD::Place qw(build_dir free_port prefix slurp spew top wait_until);
use RD::Redis;
use RD::Sshd;
use RD::Visitor;

our @Offered = qw(
    run_tests plan blocks repeat_each no_shuffle no_long_string
    add_block_preprocessor add_cleanup_handler env_to_nginx workers log_level
    timeout server_port server_root html_dir master_on no_root_location use_hup
    bail_out no_diff

    no_module docker_hosts two_redis redis ctfd_redis own_redis
    visitor http nginx error_log wait_until leave_keys allow_log planted_secret
    site

    ok is isnt like unlike is_deeply cmp_ok pass fail diag
);

our $ServerPort;

my $repeat = 1;

my ($nginx, $own, $ctfd, $own_pid, $finished);
my (@preprocessors, @cleanups, @hosts, @leave, @allow, @secrets);
my (@visitor_keys, @emerg_allowed, %rand_port, $log_mark, $last_conf);


sub import {
    my ($class, @args) = @_;

    my $caller = caller;

    no strict 'refs';
    *{"${caller}::$_"} = \&{"RD::$_"} for @Offered;
    *{"${caller}::ServerPort"} = \$ServerPort;
    *{'Test::Nginx::Util::ServerPort'} = \$ServerPort;

    strict->import;
    warnings->import;

    return if $^C;          # perl -c only reads

    _set_up();

    plan(@args == 1 && $args[0] eq 'no_plan' ? 'no_plan' : @args) if @args;
}


# ---- what a suite may say before its blocks --------------------------------

sub repeat_each(;$) { $repeat = $_[0] if @_; return $repeat }
sub workers(;$)     { $RD::Nginx::Workers = $_[0] if @_;
                      return $RD::Nginx::Workers }
sub log_level(;$)   { $RD::Nginx::LogLevel = $_[0] if @_;
                      return $RD::Nginx::LogLevel }
sub timeout(;$)     { $RD::Exchange::Timeout = $_[0] if @_;
                      return $RD::Exchange::Timeout }

sub no_shuffle()       { }      # blocks always run in the order of the file
sub no_long_string()   { }
sub master_on()        { }
sub no_root_location() { $RD::Nginx::NoRootLocation = 1 }
sub use_hup()          { $RD::Nginx::UseHup = 1 }
sub no_module()        { $RD::Nginx::UseModule = 0 }

sub env_to_nginx { push @RD::Nginx::Env, @_ }

sub add_block_preprocessor(&) { push @preprocessors, $_[0] }
sub add_cleanup_handler(&)    { push @cleanups, $_[0] }

# keys that may stay in Redis; without a call what stays is only noted
sub leave_keys { push @leave, @_ }

# lines of error.log that would make the file fail otherwise
sub allow_log { push @allow, @_ }

# texts that must not show up in the log
sub planted_secret { push @secrets, @_ }

sub server_port() { return $ServerPort }
sub server_root() { return prefix() }
sub html_dir()    { return prefix() . '/html' }

# the site of user records
sub site(;$) {
    $RD::Visitor::Site = $ENV{TEST_NGINX_SITE} = $_[0] if @_;
    return $RD::Visitor::Site;
}


sub bail_out {
    die "@_\n";
}


# A second redis-server as CTFd's; without it one server is both.

sub two_redis() {
    $ctfd = RD::Redis->new('ctfd');
    _redis_env('TEST_NGINX_CTFD_REDIS', $ctfd);
}


# N own Docker engines, each behind its own sshd, shared by all blocks.
# --- hosts finds their entries in $TEST_NGINX_HOST1, $TEST_NGINX_HOST2, ...

sub docker_hosts {
    my ($n, %option) = @_;

    if (my $why = RD::DockerHost->missing) {
        plan(skip_all => $why);
    }

    my $sshd = delete $option{sshd} // {};

    for my $i (@hosts + 1 .. @hosts + $n) {
        my $docker = RD::DockerHost->start(%option);
        my $host = { docker => $docker,
                     sshd => RD::Sshd->start(host => $docker, %$sshd) };

        $ENV{"TEST_NGINX_HOST$i"} = $host->{sshd}->yaml =~ s/\n\z//r;
        $ENV{"TEST_NGINX_HOST${i}_ADDRESS"} = $docker->address;
        $ENV{"TEST_NGINX_HOST${i}_PORT"} = $host->{sshd}->port;

        push @hosts, $host;
    }

    return @hosts;
}


# ---- what a suite may ask while it runs ------------------------------------

sub own_redis() { return $own->start }
sub nginx()     { return $nginx }
sub error_log() { return $nginx->log }

# "HGET key field", or a list of arguments
sub redis      { return _redis_call($own, @_) }
sub ctfd_redis { return _redis_call($ctfd // $own, @_) }


# Logs somebody in, like --- visitor.

sub visitor {
    my ($text) = @_;

    my $visitor = RD::Visitor::parse($text);
    RD::Visitor::login($visitor, $own->start, ($ctfd // $own)->start);

    push @visitor_keys, @{ $visitor->{keys} };
    push @secrets, $visitor->{cookie}, $visitor->{nonce};

    return $visitor;
}


# One request outside of a block: http('GET /x', visitor => $v, more => "A: b")

sub http {
    my ($request, %option) = @_;

    my ($method) = $request =~ /(\S+)/;
    my $more = $option{more} // '';

    $more .= ($more =~ /[^\n]\z/ ? "\n" : '')
             . RD::Visitor::headers($option{visitor}, $method)
        if $option{visitor};

    my $client = RD::Client->connect($option{port} // $ServerPort, 5);
    $client->send(RD::Client::compose($request, $more, 'close'));

    my $res = $client->response(
        RD::Place::patience($option{timeout} // timeout()), $method);
    $client->close;

    return $res;
}


# ---- blocks ----------------------------------------------------------------

sub run_tests() {
    for my $block (blocks()) {
        _run_block($block);
    }
}


sub _run_block {
    my ($block) = @_;

    $_->($block) for @preprocessors;
    %rand_port = ();

    own_redis() if _mentions_redis($block);

    _write_files($block);

    my $conf = _conf($block);
    my $fresh = $conf ne $nginx->{text} || !$nginx->running;
    $log_mark = $nginx->log_size;

    if (RD::Check::has($block, 'must_die')) {
        _run_must_die($block, $conf) for 1 .. $repeat;
        return;
    }

    if ($nginx->run($conf) != 0) {
        die $block->name . " - nginx did not start:\n"
            . $nginx->log($log_mark) . $nginx->side_logs;
    }

    for my $turn (1 .. $repeat) {
        $log_mark = $nginx->log_size if $turn > 1 || !$fresh;
        _run_once($block);
    }
}


sub _run_must_die {
    my ($block, $conf) = @_;

    my $name = $block->name;

    $nginx->stop;
    $log_mark = $nginx->log_size;

    # nginx that ends by itself leaves what it had; that is no leak of ours
    local $ENV{ASAN_OPTIONS} = "$ENV{ASAN_OPTIONS}:detect_leaks=0"
        if $ENV{ASAN_OPTIONS};

    my $code = $nginx->start($conf);
    my $wanted = $block->must_die // '';

    if ($wanted =~ /^\s*(\d+)\s*$/) {
        Test::More::is($code, $1, "$name - die with the expected exit code");

    } elsif ($code >= 127) {
        Test::More::fail("$name - nginx ended with code $code, not by itself");

    } else {
        Test::More::isnt($code, 0, "$name - die as expected");
    }

    RD::Check::log($block);

    $nginx->stop;
    $nginx->{text} = '';
    push @emerg_allowed, [$log_mark, $nginx->log_size] if $code;
}


sub _run_once {
    my ($block) = @_;

    _redis_lines($block, 'redis', $own);
    _redis_lines($block, 'ctfd_redis', $ctfd // $own);

    if (RD::Check::has($block, 'init')) {
        my $code = $block->init;
        eval "package main; no strict; $code; 1"
            or die $block->name . " - init failed: $@";
    }

    if (RD::Check::has($block, 'redis_reply_delay')) {
        redis('CLIENT', 'PAUSE',
              1000 * RD::Exchange::seconds($block->redis_reply_delay));
    }

    my @requests = RD::Exchange::requests($block);
    my @visitors = _visitors($block, scalar @requests);

    for my $i (0 .. $#requests) {
        RD::Exchange::run($block, $requests[$i], $visitors[$i], $i,
                          @requests > 1);
    }

    RD::Check::log($block);

    my $patience = RD::Exchange::patience($block);
    RD::Check::redis($block, 'redis_like', $own, $patience);
    RD::Check::redis($block, 'ctfd_redis_like', $ctfd // $own, $patience);
}


# ---- sections --------------------------------------------------------------

sub _visitors {
    my ($block, $n) = @_;

    return if !RD::Check::has($block, 'visitor');

    my $section = $block->visitor;

    return map { /^\s*none\s*$/ ? undef : visitor($_) } @$section
        if ref $section;

    return if $section =~ /^\s*none\s*$/;
    return (visitor($section)) x $n;
}


sub _conf {
    my ($block) = @_;

    return $last_conf if !RD::Check::has($block, 'config') && $last_conf;

    my %part = map { $_ => _expand($block->$_ // '') }
               qw(main_config http_config config);

    # another hosts.yml is another configuration
    return $last_conf = $nginx->conf(%part)
        . "# hosts.yml: " . sha1_hex(slurp($ENV{TEST_NGINX_HOSTS})) . "\n";
}


sub _write_files {
    my ($block) = @_;

    spew($ENV{TEST_NGINX_HOSTS}, _expand($block->hosts))
        if RD::Check::has($block, 'hosts');

    return if !RD::Check::has($block, 'user_files');

    my $files = $block->user_files;

    $files = [ map { /\A(\S+)[^\n]*\n(.*)\z/s ? [$1, $2] : () }
               grep { /\S/ } split /^>>> /m, $files ]
        if !ref $files;

    for my $file (@$files) {
        my ($name, $text) = @$file;
        spew($name =~ m{^/} ? $name : html_dir() . "/$name",
             _expand($text // ''));
    }
}


sub _redis_lines {
    my ($block, $section, $redis) = @_;

    return if !RD::Check::has($block, $section);

    for my $line (split /\n+/, _expand($block->$section)) {
        $redis->start->line($line) if $line =~ /\S/ && $line !~ /^\s*#/;
    }
}


sub _mentions_redis {
    my ($block) = @_;

    return 1 if grep { RD::Check::has($block, $_) }
        qw(redis redis_like visitor ctfd_redis ctfd_redis_like);

    return grep { defined && /TEST_NGINX_(?:CTFD_)?REDIS|\bREDIS_/ }
           map { my $text = $block->$_; ref $text ? undef : $text }
           qw(main_config http_config config);
}


sub _expand {
    my ($text) = @_;

    return $text if !defined $text;

    $text =~ s/\$ServerPort(?:ForClient)?\b/$ServerPort/g;

    $text =~ s{\$(?:(TEST_NGINX_[A-Z0-9_]+)|\{(TEST_NGINX_[A-Z0-9_]+)\})}{
        my $name = $1 // $2;
        my $value = $name =~ /^TEST_NGINX_RAND_PORT_\d+$/
            ? $rand_port{$name} //= free_port() : $ENV{$name};
        $value // die "no environment $name defined\n";
    }ge;

    return $text;
}


# ---- before and after ------------------------------------------------------

sub _set_up {
    return if $nginx;

    $own_pid = $$;
    $SIG{$_} = sub { exit 130 } for qw(INT TERM HUP);

    $ServerPort = $ENV{TEST_NGINX_SERVER_PORT} = free_port();
    $nginx = RD::Nginx->new($ServerPort);
    $own = RD::Redis->new('redis');

    $ENV{TEST_NGINX_SERVER_ROOT} = $ENV{TEST_NGINX_PREFIX} = prefix();
    $ENV{TEST_NGINX_HTML_DIR} = html_dir();
    $ENV{TEST_NGINX_BUILD} = build_dir();
    $ENV{TEST_NGINX_TOP} = top();
    $ENV{TEST_NGINX_HOSTS} = prefix() . '/conf/hosts.yml';
    $ENV{TEST_NGINX_SITE} = $RD::Visitor::Site;

    $ENV{TEST_NGINX_SECRET_FILE} = prefix() . '/conf/secret';
    spew($ENV{TEST_NGINX_SECRET_FILE}, $RD::Visitor::Secret);
    push @secrets, 'every sort of byte';

    _redis_env('TEST_NGINX_REDIS', $own);
    _redis_env('TEST_NGINX_CTFD_REDIS', $own);

    $RD::Check::Expand = \&_expand;
    $RD::Check::NginxLog = sub { $nginx->log($log_mark) };
    $RD::Check::Is = \&is;
}


sub _redis_env {
    my ($name, $redis) = @_;

    $ENV{"${name}_PORT"} = $redis->port;
    $ENV{"${name}_SOCK"} = $redis->socket;
}


sub _redis_call {
    my ($redis, @argv) = @_;

    $redis->start;
    return @argv == 1 ? $redis->line($argv[0]) : $redis->command(@argv);
}


sub _complaints {
    my @complaints;

    push @complaints, 'nginx did not exit within '
        . $RD::Nginx::StopSeconds . ' s of QUIT' if !$nginx->stop;

    for my $redis (grep { $_ && $_->running } $own, $ctfd) {
        my @left = eval {
            RD::Guard::key_complaints($redis, \@visitor_keys, \@leave);
        };
        push @complaints, "redis: $@" if $@;

        if (@leave) {
            push @complaints, @left;
        } else {
            diag($_) for grep { /session|owner|host/ } @left;
        }
    }

    for my $host (@hosts) {
        my @left = eval { $host->{docker}->containers };
        push @complaints, map { "container $_ was left" } @left;
        $host->{sshd}->destroy;
        $host->{docker}->stop;
    }

    $_ && $_->stop for $own, $ctfd;

    push @complaints, RD::Guard::process_complaints([]);

    my $log = $nginx->log;

    push @complaints,
        grep { my $text = $_; !grep { $text =~ $_ } @allow }
        RD::Guard::log_complaints($log, $nginx->side_logs, \@emerg_allowed),
        RD::Guard::secret_complaints($log, @secrets);

    return @complaints;
}


sub finish {
    my ($status) = @_;

    return if $finished++ || !$nginx || $$ != $own_pid;

    for my $cleanup (reverse @cleanups) {
        eval { $cleanup->(); 1 } or fail("cleanup: $@");
    }

    my @complaints = _complaints();
    fail($_) for @complaints;

    my $failed = @complaints || $status || !Test::More->builder->is_passing;
    my $kept = RD::Place::leave($failed);

    diag("the logs are in $kept") if $failed && $kept;
}


END {
    my $status = $?;
    finish($status);
    $? = $status;
}


1;
