# Cookies that were put together from several, and visitors who take turns on
# one connection: with a cache, everybody is himself or nobody.

use RD 'no_plan';
use RD::Site;

my $http = $RD::Site::Http . "    rd_zone rd:1m;\n";

# a host that refuses at once: nothing is under way when nginx ends
$RD::Site::Hosts =~ s/192.0.2.1/127.0.0.1\n    port: 1/;

add_block_preprocessor(sub { $_[0]->set_value('http_config', $http) });
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:events|host|sweep|queue)/);
run_tests();

my ($ada, $bob) = map { visitor($_) } qw(ada bob);
my ($forged) = map { visitor($_) } 'eve forged';
my %mac = map { $_->{id} => $_->{cookie} =~ s/.*\.//r } $ada, $bob;

# the name these bytes of a Cookie header are known by, or the code

sub known_by {
    my (@cookies) = @_;

    my $res = http('GET /remote-desktop/api/status',
                   more => join '', map { "Cookie: $_\n" } @cookies);
    my ($name) = $res->{body} =~ /"name":"(\w+)"/;

    return $name // $res->{code};
}

my $hers = "session=$ada->{cookie}";
my $his = "session=$bob->{cookie}";

# cold, then warm
for my $turn (1 .. 3) {
    my @who = (
        ['ada', $hers], ['bob', $his],
        ['401', "session=$ada->{sid}.$mac{3}"],
        ['401', "session=$bob->{sid}.$mac{2}"],
        ['401', "session=$ada->{sid}." . lc $mac{2}],
        ['401', "session=$ada->{sid}." . substr($mac{2}, 0, 26)],
        ['401', "session=$ada->{sid}." . 'A' x 27],
        ['401', "session=$ada->{sid}:$mac{2}"],
        ['401', 'session=' . uc($ada->{sid}) . ".$mac{2}"],
        ['ada', "$hers; $his"], ['bob', "$his; $hers"],
        ['ada', $hers, $his], ['bob', $his, $hers],
        ['ada', qq(session="$ada->{cookie}"; $his)],
        ['401', "session=$forged->{cookie}; $hers"],
        ['401', "session=; $hers"], ['401', 'session=x', $hers],
        ['401', "xsession=$ada->{cookie}; SESSION=$bob->{cookie}"],
        ['401', "a=b,$hers"], ['401', qq(a="$hers")],
        ['ada', "a=session; b; ; $hers"],
        ['bob', qq(a="x; $his; b=y")],
    );

    for my $case (@who) {
        my ($wanted, @cookies) = @$case;
        my $shown = join ' + ', @cookies;

        $shown =~ s/\Q$ada->{sid}\E/ada/g;
        $shown =~ s/\Q$bob->{sid}\E/bob/g;
        $shown =~ s/[\w-]{12,}/.../g;
        is(known_by(@cookies), $wanted, "turn $turn: $shown is $wanted");
    }
}


# ---- turns on one connection -------------------------------------------------

for my $cold (1, 0) {
    my @who = map { rand 2 < 1 ? 'ada' : 'bob' } 1 .. 40;
    my %cookie = (ada => $hers, bob => $his);

    redis('HSET', "rd:{test}:user:$_", 'seen', $cold) for 2, 3;

    my $client = RD::Client->connect($RD::ServerPort, 5);
    $client->send(join '', map {
        "GET /remote-desktop/api/status HTTP/1.1\r\nHost: localhost\r\n"
        . "Cookie: $cookie{$_}\r\n\r\n";
    } @who);

    my @answers = map {
        $client->response(10 * RD::Place::slow_factor(), 'GET')->{body}
            =~ /"name":"(\w+)"/ ? $1 : 'nobody';
    } @who;

    $client->close;
    is("@answers", "@who",
       'forty requests in one go are each their own visitor'
       . ($cold ? ', right after a change' : ''));
}

__DATA__

=== TEST 1: the site is there
--- request
GET /remote-desktop/api/status
--- error_code: 401
