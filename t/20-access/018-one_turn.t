# Those who come in one turn of the event loop ask Redis together, and each is
# told of his own desktop.

use RD 'no_plan';
use RD::Client;
use RD::Place ();
use RD::Serve;
use RD::Site;

use constant { FIRST => 101, LAST => 140 };

my $desktop = serve_desktop(many => 1);
my $tag = 'rd:{' . RD::site() . '}:';

# Redis is stopped for a while, and nobody gives it up
$RD::Site::Http =~ s/(REDIS_SOCK);/$1 timeout=60s;/g;
$RD::Site::Config .= $RD::Site::HttpGate;

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();


my ($worker) = nginx()->workers;
my (%visitor, %code);

for my $id (FIRST .. LAST) {
    $visitor{$id} = visitor("kim:$id");
    $code{$id} = (200, 404, 409)[$id % 3];

    give_desktop($id, $desktop) if $code{$id} != 404;
    redis('HSET', "${tag}session:" . sprintf('%032x', $id), 'state', 'starting')
        if $code{$id} == 409;
}


# connections that nginx has taken
sub connections {
    my ($n) = @_;

    my $mark = length error_log();
    my @clients = map { RD::Client->connect($RD::ServerPort, 5) } 1 .. $n;

    wait_until(20, sub {
        (() = substr(error_log(), $mark) =~ / accept: /g) >= $n;
    }) or die "nginx took less than $n connections\n";

    return @clients;
}

# all of them in one turn
sub ask {
    my ($ids, @clients) = @_;

    kill STOP => $worker;

    for my $i (0 .. $#clients) {
        $clients[$i]->send(RD::Client::compose("GET /http/$ids->[$i]/",
            RD::Visitor::headers($visitor{ $ids->[$i] }, 'GET'), 'close'));
    }

    kill CONT => $worker;
}

sub codes {
    return join ' ', map {
        $_->response(RD::Place::patience(20), 'GET')->{code}
    } @_;
}

sub calls {
    my ($command) = @_;

    my $stats = redis('INFO', 'commandstats');
    return $stats =~ /^cmdstat_$command:calls=(\d+)/m ? $1 : 0;
}


# ---- together ----------------------------------------------------------------

my @ids = FIRST .. LAST;
my @clients = connections(scalar @ids);
my ($scripts, $reads) = (calls('evalsha'), calls('hmget'));

ask(\@ids, @clients);
is(codes(@clients), join(' ', map { $code{$_} } @ids),
   'each of forty is told of his own desktop');

# the worker has errands of its own, too
$scripts = calls('evalsha') - $scripts;
ok($scripts < @ids / 2, "who came together asked together: $scripts calls");
ok(calls('hmget') - $reads >= @ids, 'and Redis looked for each');


# ---- some of them leave ------------------------------------------------------

@ids = FIRST .. FIRST + 8;
@clients = connections(scalar @ids);

sub left { return scalar(() = error_log() =~ /rd access: viewer left/g) }

kill STOP => own_redis()->pid;
my $mark = length error_log();
ask(\@ids, @clients);
ok(wait_until(20, sub {
       my $log = substr error_log(), $mark;
       !grep { $log !~ /lookup started, desktop of:$_\b/ } @ids;
   }), 'nine wait');

my $left = left();
$_->close for @clients[0, 4, 8];
ok(wait_until(20, sub { left() == $left + 3 }), 'three of them leave');

kill CONT => own_redis()->pid;
is(codes(@clients[1 .. 3, 5 .. 7]), join(' ', map { $code{ $ids[$_] } }
                                              1 .. 3, 5 .. 7),
   'the others have their answers');


# ---- one after the other, while Redis is asked already -----------------------

# the next one comes when the worker has looked at the one before him
sub ask_in_line {
    for my $i (0 .. $#_) {
        my $n = started($ids[$i]);
        ask([$ids[$i]], $_[$i]);
        wait_until(20, sub { started($ids[$i]) > $n })
            or die "user $ids[$i] was not looked for\n";
    }
}

sub started {
    my ($id) = @_;
    return scalar(() = error_log() =~ /lookup started, desktop of:$id\b/g);
}

@clients = connections(scalar @ids);
my $calls = calls('mget');              # of find.lua alone

kill STOP => own_redis()->pid;
ask_in_line(@clients);
kill CONT => own_redis()->pid;

is(codes(@clients), join(' ', map { $code{$_} } @ids),
   'each of nine is told of his own');
is(calls('mget') - $calls, 2, 'the first one asked, and then the others');

@clients = connections(2);

kill STOP => own_redis()->pid;
ask_in_line(@clients);
$left = left();
$clients[0]->close;
ok(wait_until(20, sub { left() > $left }), 'one leaves who has asked');
kill CONT => own_redis()->pid;
is(codes($clients[1]), $code{ $ids[1] }, 'who came after him is answered');


# ---- all of them leave -------------------------------------------------------

@clients = connections(scalar @ids);
my %n = map { $_ => started($_) } @ids;

kill STOP => own_redis()->pid;
ask(\@ids, @clients);
ok(wait_until(20, sub { !grep { started($_) == $n{$_} } @ids }), 'nine wait');

$left = left();
$_->close for @clients;
ok(wait_until(20, sub { left() == $left + 9 }), 'all of them leave');

kill CONT => own_redis()->pid;
is(http('GET /http/' . FIRST . '/', visitor => $visitor{+FIRST})->{code},
   $code{+FIRST}, 'and the next one has his answer');

stop_serving();

__DATA__

=== TEST 1: a site
--- request
GET /remote-desktop/api/status
--- error_code: 401
