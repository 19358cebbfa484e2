# What a listener missed comes first, once, and in order.

use RD 'no_plan';
use RD::Events;
use RD::Site;

# with a zone who is known already is let in without a question to Redis
$RD::Site::Http .= "    rd_zone rd:1m;\n";

add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/\}:(?:last|owner|user|queue|probe)/, qr/\}:session:/);

run_tests();

my $admin = visitor('admin');

my @ids = map { happen("old $_") } 1 .. 250;

sub messages { return map { $_->{message} } @_ }

sub heard {
    my ($n, %option) = @_;

    my $listener = listen_to($admin, %option);
    my @events = events_of($listener, $n);

    return ($listener, @events);
}


# ---- by Last-Event-ID -------------------------------------------------------

my ($listener, @events) = heard(3, after => $ids[246]);

is_deeply([messages(@events)], ['old 248', 'old 249', 'old 250'],
          'all after the one that is named');

my $new = happen('new');
is_deeply([map { $_->{id} } events_of($listener, 1)], [$new],
          'then what happens');
$listener->{client}->close;

# what happens next says that nothing else came before it
$listener = listen_to($admin, args => "?last_event_id=$ids[249]");
happen('next 1');
is_deeply([messages(events_of($listener, 2))], ['new', 'next 1'],
          'the query may name it, too: one was left');
$listener->{client}->close;

$new = happen('next 2');
$listener = listen_to($admin, after => $new);
happen('next 3');
is_deeply([messages(events_of($listener, 1))], ['next 3'],
          'the newest: nothing is left');
$listener->{client}->close;

($listener, @events) = heard(254, after => '0-0');
is_deeply([messages(@events)],
          [(map { "old $_" } 1 .. 250), 'new', map { "next $_" } 1 .. 3],
          'from the beginning: all there is');
$listener->{client}->close;

($listener, @events) = heard(1, after => $ids[3],
                             args => "?last_event_id=$new");
is((messages(@events))[0], 'old 5', 'what a browser says counts more');
$listener->{client}->close;


# ---- who names none ---------------------------------------------------------

$listener = listen_to($admin);
my $mark = happen('mark');
my @lines;
while (defined(my $line = next_line($listener, 5))) {
    last if $line eq "id: $mark";
    push @lines, $line;
}
is((grep { /^id: / } @lines), 200, 'the last two hundred');
ok((grep { $_ eq "id: $new" } @lines), 'with the newest');
$listener->{client}->close;
$new = $mark;


# ---- nonsense ---------------------------------------------------------------

for my $id ('x', '1-', '-1', '1-2-3', '1 OR 1', '99999999999999999999-0',
            '(1-0', '$', '+')
{
    my $refused = listen_to($admin, after => $id);
    is($refused->{code}, 400, "$id is no id");
    $refused->{client}->close;
}

my $future = 1000 * (time + 86400);
($listener, @events) = heard(1, after => "$future-0");
ok(@events, 'an id of tomorrow is as good as none');
$listener->{client}->close;


# ---- coming and going while much happens ------------------------------------

{
    my (@seen, $last);
    my @made;

    for my $round (1 .. 10) {
        my $here = listen_to($admin, after => $last // $new);
        push @made, map { happen("round $round, $_") } 1 .. 7;
        my @now = events_of($here, 5);
        $last = $now[-1]{id} if @now;
        push @seen, @now;
        $here->{client}->close;
    }

    my ($here, @rest) = heard(@made - @seen, after => $last);
    push @seen, @rest;

    is_deeply([map { $_->{id} } @seen], \@made,
              'who comes back misses nothing and hears nothing twice');
    $here->{client}->close;
}


# ---- what is new is among the old ones, too ---------------------------------

{
    my $first = listen_to($admin);
    my $before = happen('before');
    wait_until(10, sub { (events_of($first, 1))[0]{id} eq $before });

    sub xread { return redis('CLIENT', 'LIST') =~ /id=(\d+) .* cmd=xread /
                       ? $1 : undef }

    # He asks for the old ones, and before they come the worker hears of a new
    # one: on a connection it has already it reads him first.
    my $client = RD::Client->connect($RD::ServerPort, 5);
    $client->send(RD::Client::compose(
        'GET /remote-desktop/admin/api/events/recent?limit=1',
        RD::Visitor::headers($admin, 'GET'), 'keep-alive'));
    is($client->response(RD::Place::patience(5), 'GET')->{code}, 200,
       'an administrator is known');
    ok(wait_until(10, \&xread), 'the worker waits for events');

    my ($worker) = nginx()->workers;
    my @ids;

    kill STOP => $worker;
    my $second = listen_to($admin, client => $client, after => $before,
        meanwhile => sub {
            push @ids, happen('while he comes');
            kill CONT => $worker;
        });
    push @ids, happen('when he is there');
    is_deeply([map { $_->{id} } events_of($second, 2)], \@ids,
              'what happens while he comes he hears once');
    is_deeply([map { $_->{id} } events_of($first, 2)], \@ids,
              'as do those who are there');

    # the worker cannot ask what is new, but who comes can ask what was
    allow_log(qr/rd feed: no events for listeners|rd redis: /);
    redis('ACL', 'SETUSER', 'default', '-xread');
    redis('CLIENT', 'KILL', 'ID', xread());
    @ids = happen('while nobody is told');

    my $third = listen_to($admin, after => $before);
    is((events_of($third, 3))[2]{id}, $ids[0],
       'who comes has what the others wait for');

    redis('ACL', 'SETUSER', 'default', '+xread');
    is((events_of($first, 1, 15))[0]{id}, $ids[0], 'they are told in the end');
    my $next = happen('next');
    is((events_of($third, 1))[0]{id}, $next, 'and he is not told again');

    $_->{client}->close for $first, $second, $third;
}


# ---- Redis is away ----------------------------------------------------------

allow_log(qr/./);
kill STOP => own_redis()->pid;
my $res = listen_to($admin);
is($res->{code}, 503, 'without Redis the answer is an honest one');
kill CONT => own_redis()->pid;

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/admin/api/events/recent
--- error_code: 401
