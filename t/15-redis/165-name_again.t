# The name in rd_redis is looked up again before a reconnect, and while a
# read-only replica answers at its address; nothing waits for the resolver.

use RD 'no_plan';
use RD::Place qw(free_port prefix spew top);
use RD::Site;
use Time::HiRes qw(time);

my $port = free_port();
my $names = prefix() . '/names';
my $fake = prefix() . '/resolve.so';

system('gcc', qw(-W -Wall -fPIC -shared), top() . '/t/fake/resolve.c', '-o',
       $fake, '-ldl') == 0 or die "gcc: $?\n";

# for nginx; whoever else is started asks for no such name
$ENV{LD_PRELOAD} = $fake;
$ENV{RD_FAKE_NAMES} = $names;
$ENV{ASAN_OPTIONS} = join ':', grep { length } $ENV{ASAN_OPTIONS} // '',
                                'verify_asan_link_order=0';

my ($old, $new) = map {
    RD::Redis->new("redis$_", conf => "bind 127.0.0.$_\nport $port\n")->start
} 2, 3;

sub named { spew($names, join '', map { "redis.test $_\n" } @_) }

named('127.0.0.2');

$RD::Site::Http =~ s/rd_redis unix:\S+;/rd_redis redis.test:$port;/;
$RD::Site::Http =~ s/rd_ctfd_redis unix:\S+;//;

add_block_preprocessor(\&RD::Site::preprocess);
add_cleanup_handler(sub { $_->stop for $old, $new });

run_tests();


sub lines {
    my ($text) = @_;

    return scalar(() = error_log() =~ /$text/g);
}

# nginx's script of every second runs there
sub used {
    my ($redis) = @_;

    my $calls = sub {
        my $stats = eval { $redis->command('INFO', 'commandstats') } // '';
        my ($n) = $stats =~ /cmdstat_evalsha:calls=(\d+)/;
        return $n // 0;
    };

    my $before = $calls->();
    return wait_until(15, sub { $calls->() > $before });
}

ok(used($old), 'the address of the start is used');


# ---- a server that moved -----------------------------------------------------

named('127.0.0.3');
$old->stop;
ok(used($new), 'after a loss the name is looked up again');
ok(lines("rd redis own: ready") >= 2, 'and the log says that it is back');


# ---- a failover without a loss -----------------------------------------------

$old->start;
$new->command('REPLICAOF', '127.0.0.1', free_port());
named('127.0.0.2');

# a connection to a replica is left when the name has moved on
ok(wait_until(20, sub {
    http('GET /remote-desktop/api/status');
    lines('connection lost, server:127\.0\.0\.3:\d+ '
          . 'reason: redis\.test has another address now');
}), 'a replica is left when the name has another address');
ok(used($old), 'for the new master');


# ---- a resolver that hangs, or does not know ---------------------------------

named('hang');
$old->stop;
ok(wait_until(5, sub { lines('rd redis own: connection lost') >= 3 }),
   'the server is lost');

my $began = time;
http('GET /remote-desktop/none') for 1 .. 20;
cmp_ok(time - $began, '<', 3, 'requests do not wait for the resolver');

$old->start;
ok(used($old), 'the last address is used when the resolver hangs');
ok(lines('\[warn\].* rd redis own: .*not resolved in time; its last address'),
   'and the log says so');

named();
$old->stop;
wait_until(5, sub { lines('rd redis own: connection lost') >= 4 });
$old->start;
ok(used($old), '... and when it does not know the name any more');

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
