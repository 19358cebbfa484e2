# Redis that speaks nothing but TLS: both connections, those that are told of
# changes as well, with client certificates and ACL users.

use RD 'no_plan';
use RD::Certificates;
use RD::Place qw(free_port prefix spew);
use RD::Serve;
use RD::Site;
use RD::Tunnel;

my $ca = RD::Certificates->new('ca');
my ($cert, $key) = $ca->issue('redis', 'DNS:redis.example,IP:127.0.0.1');
my ($own_cert, $own_key) = $ca->issue('nginx');
my $port = free_port();

# nothing but TLS, and a unix socket for the test itself
my $redis = own_redis();
$redis->stop;
$redis->{conf} = <<"CONF";
port 0
tls-port $port
tls-cert-file $cert
tls-key-file $key
tls-ca-cert-file @{[$ca->ca]}
CONF

# as docs/REDIS.md has it
my $rd_acl = ['ACL', 'SETUSER', 'rd', 'on', '>pl4nted-Secret', '~rd:*',
              '&__redis__:invalidate', '+@all', '-@admin'];
my $ctfd_acl = ['ACL', 'SETUSER', 'ctfd', 'on', '>pl4nted-Secret',
                '~flask_cache_session*', '&__redis__:invalidate',
                qw(+get +ping +select +client +subscribe)];

redis(@$rd_acl);
redis(@$ctfd_acl);

spew(prefix() . '/conf/password', "pl4nted-Secret\n");

my $tls = "127.0.0.1:$port tls=on tls_ca=" . $ca->ca
        . " tls_cert=$own_cert tls_key=$own_key password_file=password";

$RD::Site::Http =~ s{rd_redis unix:\S+;}{rd_redis $tls user=rd;} or die;
$RD::Site::Http =~ s{rd_ctfd_redis unix:\S+;}{rd_ctfd_redis $tls user=ctfd;}
    or die;
$RD::Site::Http .= "    rd_zone rd:1m;\n";

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pl4nted-Secret');
leave_keys(qr/./);

run_tests();


my $ada = visitor('ada');
my $desktop = serve_desktop(many => 1);

sub lines {
    my ($text) = @_;

    return scalar(() = error_log() =~ /$text/g);
}

give_desktop(2, $desktop, for_gates => 1, extensions_max => 100);

ok(wait_until(5, sub {
    lines('rd redis (?:own|ctfd)(?: tracking)?: ready') == 4;
}), 'all four connections are ready');
is(lines('CLIENT TRACKING refused'), 0,
   'the ACL users of docs/REDIS.md may track changes');
is(api($ada, 'GET status')->{code}, 200, 'a status is read');
is(api($ada, 'POST extend')->{code}, 200, 'an extension is written');

sub closes_when_banned {
    my ($title) = @_;

    my $tunnel = tunnel($ada, 2);
    ok(ref $tunnel, "$title: the gate lets in");

    redis('HSET', 'rd:{' . RD::site() . '}:user:2', 'banned', 1);
    told($tunnel, 'close 4004 banned', "$title: a ban");

    redis('HSET', 'rd:{' . RD::site() . '}:user:2', 'banned', 0);
}

closes_when_banned('over TLS');


# ---- lost and found ----------------------------------------------------------

{
    my $ready = lines('rd redis own: ready');

    redis('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    redis('CLIENT', 'KILL', 'TYPE', 'pubsub');
    ok(wait_until(10, sub { lines('rd redis own: ready') > $ready }),
       'a connection that Redis closes is opened again');
    ok(wait_until(10, sub { lines('tracking: ready') >= 4 }),
       'and so are those that are told of changes');
    ok(wait_until(5, sub { api($ada, 'POST extend')->{code} == 200 }),
       'and all is well');
    closes_when_banned('after a loss');
}

{
    my $ready = lines('rd redis own: ready');

    kill KILL => $redis->pid;
    wait_until(5, sub { !$redis->running });
    $redis->stop;

    is(api($ada, 'POST extend')->{code}, 503, 'a Redis that is killed is away');

    $redis->start;
    redis(@$rd_acl);
    redis(@$ctfd_acl);
    $ada = visitor('ada');
    give_desktop(2, $desktop, for_gates => 1, extensions_max => 100);

    ok(wait_until(10, sub { lines('rd redis own: ready') > $ready }),
       'it is back without a hand');
    ok(wait_until(10, sub { api($ada, 'POST extend')->{code} == 200 }),
       'and used again');
}

is(lines('\[(?:warn|error)\].* TLS'), 0, 'TLS itself was never in the way');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
