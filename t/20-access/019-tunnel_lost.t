# Redis is lost, or refuses, in the very moment in which it is asked about an
# open tunnel: nobody's word against the viewer.

use RD 'no_plan';
use IO::Select;
use IO::Socket::UNIX;
use RD::Place ();
use RD::Serve;
use RD::Site;
use RD::Tunnel;

two_redis();
ctfd_redis('PING');                     # it runs before nginx does

my $desktop = serve_desktop(many => 1);
my $deed = RD::Place::prefix() . '/deed';

# in front of CTFd's Redis: what it does once, instead of asking for a session
my %instead = (
    lost    => sub { 0 },
    loading => sub { print {$_[0]} "-LOADING it is not there yet\r\n" },
);

my $front = serve(sub {
    my ($socket) = @_;

    my $redis = IO::Socket::UNIX->new(Peer => $ENV{TEST_NGINX_CTFD_REDIS_SOCK});
    my $select = IO::Select->new($socket, $redis);

    while (1) {
        for my $from ($select->can_read) {
            sysread $from, my $bytes, 65536 or return;

            if ($from == $redis) {
                print $socket $bytes;

            } elsif ($bytes =~ /flask_cache_session/ && -s $deed) {
                my $what = RD::Place::slurp($deed);
                unlink $deed;
                $instead{$what}->($socket) or return;

            } else {
                syswrite $redis, $bytes;
            }
        }
    }
}, many => 1);

$RD::Site::Http =~ s/(rd_ctfd_redis) .*;/$1 127.0.0.1:$front;/;
add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:/, qr/flask_cache/);

run_tests();

my $ada = visitor('ada');

give_desktop(2, $desktop);
my $tunnel = tunnel($ada, 2);
ok(ref $tunnel, 'a tunnel is open');

for my $what ('lost', 'loading') {
    RD::Place::spew("$deed.new", $what);
    rename "$deed.new", $deed;
    ok(wait_until(20, sub { !-e $deed }), "$what: Redis is asked");
    is($tunnel->websocket_receive(1), 'silence', "$what: who is inside stays");
}

ok(wait_until(5, sub { error_log() =~ /rd redis ctfd: connection lost/ }),
   'the connection was lost');

ctfd_redis('DEL', "flask_cache_session$ada->{sid}");
told($tunnel, 'close 4003 logged out', 'and what it says next counts');

stop_serving();

__DATA__

=== TEST 1: nginx starts
--- request
GET /remote-desktop/api/status
--- error_code: 401
