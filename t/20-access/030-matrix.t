# Who may go where: every visitor at the desktop of somebody in every state, by
# every way in, with and without a cache, switched on and off.  What must come
# is written in the tables, and nowhere computed.

use RD 'no_plan';
use RD::Client;
use RD::Serve;
use RD::Site;
use RD::Visitor;

log_level('info');

# What each word of the tables means: the code, and the status at the VNC
# WebSocket, the terminal WebSocket, an HTTP gate, and in auth-check.

my %answer = map { my ($word, @rest) = split; $word => \@rest }
             split /\n/, <<'END';
ok     ok              101 101 200 200
who    login_required  401 401 401 401
ban    banned          403 403 403 403
mail   not_verified    403 403 403 403
other  forbidden       403 403 403 403
off    disabled        403 403 403 403
none   no_session      404 404 404 403
wait   not_ready       409 409 409 403
over   expired         410 410 410 403
gone   ended           410 410 410 403
END

# The desktop: what its owner has in Redis.  "over": its time is, and nobody has
# swept yet.  Of those after it the owner has no live session any more.

my @states = qw(none queue make start ready over stop ended timed fail);

my %record = (
    queue => { state => 'queued' },
    make  => { state => 'creating' },
    start => { state => 'starting' },
    ready => { },
    over  => { expires_ms => 1000 * time - 1 },
    stop  => { state => 'stopping', reason => 'user_destroyed' },
    ended => { state => 'ended', reason => 'admin_killed' },
    timed => { state => 'ended', reason => 'expired' },
    fail  => { state => 'failed', reason => 'failed' },
);

# The visitor, and the words RD::Visitor has for him: OWNER is the owner of the
# desktop, who else is somebody else.  All desktops are of members of team 9.

my %visitor = map { /^(.*?) +((?:OWNER|\d).*)/ } split /\n/, <<'END';
owner             OWNER team:9
team member       51 team:9
another team      52 team:8
no team           53
admin             54 admin
banned owner      OWNER team:9 banned
banned member     55 team:9 banned
banned admin      56 admin banned
unverified owner  OWNER team:9 unverified
unverified member 57 team:9 unverified
unverified admin  58 admin unverified
no cookie         OWNER team:9 nocookie
logged out        OWNER team:9 gone
never logged in   OWNER team:9 anonymous
forged cookie     OWNER team:9 forged
new password      OWNER team:9 stale
END

# these two come to the desktop of an owner who is banned
$visitor{'member, o. banned'} = '59 team:9';
$visitor{'admin, o. banned'} = '60 admin';


# ---- the tables -------------------------------------------------------------

our $switched_on = <<'END';
                   none  queue make  start ready over  stop  ended timed fail

owner              none  wait  wait  wait  ok    over  gone  gone  over  gone
team member        other wait  wait  wait  ok    over  gone  gone  over  gone
another team       other other other other other other other other other other
no team            other other other other other other other other other other
admin              none  wait  wait  wait  ok    over  gone  gone  over  gone

banned owner       ban   ban   ban   ban   ban   ban   ban   ban   ban   ban
banned member      ban   ban   ban   ban   ban   ban   ban   ban   ban   ban
banned admin       ban   ban   ban   ban   ban   ban   ban   ban   ban   ban
member, o. banned  other other other other other other other other other other
admin, o. banned   other other other other other other other other other other

unverified owner   mail  mail  mail  mail  mail  mail  mail  mail  mail  mail
unverified member  mail  mail  mail  mail  mail  mail  mail  mail  mail  mail
unverified admin   none  wait  wait  wait  ok    over  gone  gone  over  gone

no cookie          who   who   who   who   who   who   who   who   who   who
logged out         who   who   who   who   who   who   who   who   who   who
never logged in    who   who   who   who   who   who   who   who   who   who
forged cookie      who   who   who   who   who   who   who   who   who   who
new password       who   who   who   who   who   who   who   who   who   who
END

our $switched_off = <<'END';
                   none  queue make  start ready over  stop  ended timed fail

owner              off   off   off   off   off   off   off   off   off   off
team member        other off   off   off   off   off   off   off   off   off
another team       other other other other other other other other other other
no team            other other other other other other other other other other
admin              none  wait  wait  wait  ok    over  gone  gone  over  gone

banned owner       ban   ban   ban   ban   ban   ban   ban   ban   ban   ban
banned member      ban   ban   ban   ban   ban   ban   ban   ban   ban   ban
banned admin       ban   ban   ban   ban   ban   ban   ban   ban   ban   ban
member, o. banned  other other other other other other other other other other
admin, o. banned   other other other other other other other other other other

unverified owner   mail  mail  mail  mail  mail  mail  mail  mail  mail  mail
unverified member  mail  mail  mail  mail  mail  mail  mail  mail  mail  mail
unverified admin   none  wait  wait  wait  ok    over  gone  gone  over  gone

no cookie          who   who   who   who   who   who   who   who   who   who
logged out         who   who   who   who   who   who   who   who   who   who
never logged in    who   who   who   who   who   who   who   who   who   who
forged cookie      who   who   who   who   who   who   who   who   who   who
new password       who   who   who   who   who   who   who   who   who   who
END

# with rd_require_verified off; and rd_team_access off

our $anybody = <<'END';
                   none  queue make  start ready over  stop  ended timed fail

owner              none  wait  wait  wait  ok    over  gone  gone  over  gone
unverified owner   none  wait  wait  wait  ok    over  gone  gone  over  gone
unverified admin   none  wait  wait  wait  ok    over  gone  gone  over  gone
team member        other other other other other other other other other other
unverified member  other other other other other other other other other other
banned owner       ban   ban   ban   ban   ban   ban   ban   ban   ban   ban
END

# where no desktop is named (user 0, 01, x): at a gate, and in auth-check

my $nowhere = <<'END';
                   gate       auth-check
owner              not_found  forbidden
admin              not_found  forbidden
banned owner       not_found  banned
unverified owner   not_found  not_verified
no cookie          not_found  login_required
forged cookie      not_found  login_required
END


# ---- the site ---------------------------------------------------------------

my $tag = 'rd:{' . RD::site() . '}:';
my $desktop = serve_desktop(many => 1);
my ($client, %who, %owner);

# a host that refuses at once, so that nginx stops without waiting for it
$RD::Site::Hosts = <<'END';
workspace_hosts:
  - hostname: 127.0.0.1
    port: 1
END

our $Law = "    rd_team_access on;\n    rd_require_verified on;\n";

$RD::Site::Config .= <<'END';
        location = /metrics {
            rd_metrics;
        }

        location ~ ^/web/([^/]+)/$ {
            rd_gate $1 http;
            proxy_pass http://$rd_backend/;
        }
END

my @ways = (
    ['vnc',        'GET /remote-desktop/vnc/ID/websockify', 'websocket'],
    ['terminal',   'GET /remote-desktop/terminal/ID/ws', 'websocket'],
    ['http',       'GET /web/ID/'],
    ['auth-check', 'GET /remote-desktop/api/auth-check', 'header'],
);

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:session|owner|last|user)/, qr/flask_cache/);


# Each visitor has ten desktops to go to, so that no row changes another's.

sub furnish {
    my $id = 1000;

    for my $name (sort keys %visitor) {
        for my $state (@states) {
            $owner{$name}{$state} = ++$id;
            furnish_one($name, $state, $id);
        }
    }
}

sub furnish_one {
    my ($name, $state, $id) = @_;

    my ($words) = $visitor{$name} =~ s/^(?:OWNER|(\d+))//r;
    my $is = $visitor{$name} =~ /^(\d+)/ ? $1 : $id;

    $who{$name}{$state} = visitor("u$is:$is$words")
        if $is == $id || $state eq 'none';
    $who{$name}{$state} //= $who{$name}{none};

    redis('HSET', "${tag}user:$id", 'banned', 1) if $name =~ /o\. banned/;
    return if $state eq 'none';

    give_desktop($id, $desktop, terminal_port => $desktop, team_id => 9,
                 %{ $record{$state} });
    redis('HSET', "${tag}user:$id", 'team_id', 9);

    redis('DEL', "${tag}owner:$id")
        if $state =~ /^(?:stop|ended|timed|fail)$/;
}


# "code/status" of one request, on a connection that is kept

sub ask {
    my ($visitor, $id, $way) = @_;

    my ($name, $path, $kind) = @$way;

    $client //= RD::Client->connect($RD::ServerPort, 5);

    my $more = RD::Visitor::headers($visitor, 'GET');
    $more = $client->websocket_headers("Host: localhost\n$more")
        if ($kind // '') eq 'websocket';
    $more .= "X-User-ID: $id\n" if ($kind // '') eq 'header';

    $client->send(RD::Client::compose($path =~ s/ID/$id/r, $more,
                                      'keep-alive'));

    my $res = $client->response(RD::Place::patience(5), 'GET');
    my ($code) = $res->{body} =~ /^\{.*"code":"(\w+)"/;

    if ($res->{code} eq '101' || $res->{code} eq ''
        || ($res->{header}{connection} // '') ne 'keep-alive')
    {
        hang_up();
    }

    return ($code // 'ok') . "/$res->{code}";
}


sub hang_up {
    $client->close if $client;
    undef $client;
}


# Asks all cells of a table, and has one test for each row and way.

sub table {
    my ($mode, $table) = @_;

    hang_up();

    my ($head, @rows) = grep { /\S/ } split /\n/, $table;
    is("@{[split ' ', $head]}", "@states", "$mode: the columns are the states");

    for my $row (@rows) {
        my ($name, @words) = ($row =~ /^(.{18}) /, split ' ', substr $row, 19);
        $name =~ s/ +$//;

        for my $n (0 .. $#ways) {
            my @wanted = map { "$answer{$_}[0]/$answer{$_}[$n + 1]" } @words;
            my @got = map { ask($who{$name}{$_}, $owner{$name}{$_}, $ways[$n]) }
                      @states;

            is("@got", "@wanted", "$mode: $name, $ways[$n][0]");
        }
    }
}


sub nowhere {
    my ($mode) = @_;

    my (undef, @rows) = split /\n/, $nowhere;

    for (@rows) {
        my ($name, $gate, $check) = /^(.{18}) (\S+) +(\S+)/;
        $name =~ s/ +$//;

        for my $way (@ways) {
            my $wanted = $way->[0] eq 'auth-check' ? $check : $gate;
            my @got = map { ask($who{$name}{none}, $_, $way) } qw(0 01 x);
            my $status = $wanted eq 'not_found' ? 404
                       : $wanted eq 'login_required' ? 401 : 403;

            is("@got", join(' ', ("$wanted/$status") x 3),
               "$mode: $name, $way->[0], nobody's");
        }
    }
}


# how often Redis was asked before somebody was let in
sub cold {
    my ($n) = http('GET /metrics')->{body} =~
        /^ngx_rd_gate_decisions_total\{result="ok",source="cold"\} (\d+)$/m;
    return $n;
}


# A table out of the cache: it is asked again if something was not there.

sub warm {
    my ($mode, $table) = @_;

    my $asked;

    for (1 .. 5) {
        my $before = cold();
        table($mode, $table);
        $asked = cold() - $before;
        last if !$asked;
    }

    is($asked, 0, "$mode: nobody was let in by Redis");
}


sub turn {
    my ($what) = @_;

    redis($what eq 'off' ? ('SET', "${tag}switch", 'off')
                         : ('DEL', "${tag}switch"));

    my $status = $what eq 'off' ? 403 : 200;
    my ($owner, $id) = map { $_->{owner}{ready} } \%who, \%owner;

    wait_until(2, sub {
        ask($owner, $id, $ways[2]) =~ /$status$/;
    });
}


furnish();
run_tests();

__DATA__

=== TEST 1: without a cache
--- http_config eval: $RD::Site::Http . $::Law
--- init
table('asking, on', $switched_on);
nowhere('asking');
turn('off');
table('asking, off', $switched_off);
turn('on');
--- request
GET /web/0/
--- error_code: 404


=== TEST 2: with a cache
--- http_config eval: $RD::Site::Http . $::Law . "    rd_zone rd:4m;\n"
--- init
wait_until(5, sub { error_log() =~ /rd redis own tracking: ready/ });
table('cold, on', $switched_on);
warm('warm, on', $switched_on);
nowhere('cached');
turn('off');
table('cold, off', $switched_off);
warm('warm, off', $switched_off);
turn('on');
table('on again', $switched_on);
--- request
GET /web/0/
--- error_code: 404


=== TEST 3: nobody has to be verified, and teams share nothing
--- http_config eval
$RD::Site::Http . "    rd_require_verified off;\n    rd_zone rd:4m;\n"
--- init
wait_until(5, sub { error_log() =~ /rd redis own tracking: ready/ });
table('cold, anybody', $anybody);
warm('warm, anybody', $anybody);
--- request
GET /web/0/
--- error_code: 404
