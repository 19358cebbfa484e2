use RD::Probe;
use RD 'no_plan';

use IO::Socket::INET;

leave_keys(qr/^t:/, qr{^5/t:});
planted_secret('pl4nted-Secret', 'pl4nted-Wrong');

redis('CONFIG', 'SET', 'requirepass', 'pl4nted-Secret');
own_redis()->{password} = 'pl4nted-Secret';
redis('ACL', 'SETUSER', 'desk', 'on', '>pl4nted-Secret', '~t:*', '+@all');
redis('ACL', 'SETUSER', 'narrow', 'on', '>pl4nted-Secret', '~t:*', '+get',
      '+info');

# Reads commands and answers each by what reply(name, arguments) returns.

sub fake_redis {
    my ($reply) = @_;

    return serve(sub {
        my ($socket) = @_;

        while (defined(my $line = <$socket>)) {
            my ($n) = $line =~ /^\*(\d+)/ or return;
            my @argv;

            for (1 .. $n) {
                my ($len) = <$socket> =~ /^\$(\d+)/;
                read $socket, my $arg, $len + 2;
                push @argv, substr $arg, 0, $len;
            }

            my $text = $reply->(@argv);
            return if !defined $text;
            print $socket $text;
        }
    });
}

sub info {
    my ($version) = @_;

    my $text = "# Server\r\nredis_version:$version\r\nos:Linux\r\n";
    return '$' . length($text) . "\r\n$text\r\n";
}

my %version = (OLD => '5.0.7', JUST_OLD => '6.0.16', JUST => '6.2.0',
               TEN => '10.0', NONE => '');

for my $name (keys %version) {
    my $version = $version{$name};

    $ENV{"TEST_NGINX_${name}_PORT"} = fake_redis(sub {
        return $_[0] ne 'INFO' ? "+PONG\r\n"
             : $version ne '' ? info($version) : "\$-1\r\n";
    });
}

$ENV{TEST_NGINX_ECHOING_PORT} = fake_redis(sub {
    my ($name, @args) = @_;

    return "-ERR unknown command `$name`, with args beginning with: `@args`"
           . "\r\n";
});

$ENV{TEST_NGINX_LOADING_PORT} = fake_redis(sub {
    return $_[0] eq 'INFO' ? info('7.0.0')
                           : "-LOADING Redis is loading the dataset\r\n";
});

# A port that answers no SYN: its queue of connections nobody accepts is full.

my ($full, @waiting) = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
    LocalPort => RD::Place::free_port(), Listen => 1) or die "listen: $!";

for (1 .. 16) {
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $full->sockport, Blocking => 0);
    push @waiting, $client;
    last if !wait_until(0.3, sub { $client->connected });
}

$ENV{TEST_NGINX_FULL_PORT} = $full->sockport;

$ENV{TEST_NGINX_MUTE_PORT} = fake_redis(sub { '' });
$ENV{TEST_NGINX_HTTP_PORT} = serve(sub {
    print { $_[0] } "HTTP/1.1 400 Bad Request\r\n\r\n";
});

add_cleanup_handler(sub { stop_serving() });

run_tests();

__DATA__

=== TEST 1: the right password opens the door
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT password=pl4nted-Secret;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
ok
string 4 PONG
--- error_log
rd redis own: ready
--- no_error_log
[error]


=== TEST 2: a wrong password is one clear line, and calls are told at once
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT password=pl4nted-Wrong;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- grep_error_log eval: qr/rd redis own: (?!connecting).*/
--- grep_error_log_out eval
qr/\Ard redis own: refused, server:127\.0\.0\.1:\d+ reason: wrong user or password\n\z/


=== TEST 3: no password where one is needed
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log eval
qr/rd redis own: refused, .* NOAUTH /


=== TEST 4: an ACL user
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT user=desk password=pl4nted-Secret;
--- config
location = / { probe_call own ACL WHOAMI; }
--- request
GET /
--- response_body
ok
string 4 desk


=== TEST 5: an ACL user who may not PING, and does not need to
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT user=narrow password=pl4nted-Secret;
--- config
location = / { probe_call own GET t:none; }
--- request
GET /
--- response_body
ok
nil


=== TEST 6: an ACL user nobody knows
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT user=nobody password=pl4nted-Secret;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log
reason: wrong user or password


=== TEST 7: another database
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT password=pl4nted-Secret database=5;
--- config
location = / { probe_call own SET t:five 1; }
--- request
GET /
--- response_body
ok
string 2 OK
--- redis_like
SELECT 5     => OK
GET t:five   => ^1$
SELECT 0     => OK
EXISTS t:five => ^0$


=== TEST 8: a database the server does not have
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT password=pl4nted-Secret database=77;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log eval
qr/rd redis own: refused, .* reason: database 77: ERR DB index is out of range/


=== TEST 9: a unix socket
--- http_config
probe_redis own unix:$TEST_NGINX_REDIS_SOCK password=pl4nted-Secret;
--- config
location = / { probe_call own ECHO socket; }
--- request
GET /
--- response_body
ok
string 6 socket


=== TEST 10: a unix socket that is not there
--- http_config
probe_redis own unix:$TEST_NGINX_SERVER_ROOT/none.sock;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log eval
qr/rd redis own: not reachable, server:unix:\S+ reason: No such file or directory/


=== TEST 11: an old server is named in one line, and every call says why
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_OLD_PORT;
--- config
location = / { probe_call own PING; }
location = /state { probe_state own; }
--- request eval
["GET /", "GET /", "GET /state"]
--- error_code eval
[200, 200, 200]
--- response_body eval
["redis_too_old\n", "redis_too_old\n", "not ready\n"]
--- grep_error_log eval: qr/rd redis own: (?!connecting).*/
--- grep_error_log_out eval
qr/\Ard redis own: the server is too old, version:5\.0\.7 needed:6\.2 server:127\.0\.0\.1:\d+\n\z/


=== TEST 12: 6.0 is too old as well
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_JUST_OLD_PORT;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_too_old


=== TEST 13: 6.2.0 is not
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_JUST_PORT;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
ok
string 4 PONG


=== TEST 14: nor is a version of two digits
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_TEN_PORT;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
ok
string 4 PONG


=== TEST 15: where no version is asked for, an old server will do
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_OLD_PORT version_min=0;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
ok
string 4 PONG


=== TEST 16: a server that does not say its version
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_NONE_PORT;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log
reason: INFO: unexpected answer


=== TEST 17: a server that repeats what it was sent does not get it into the log
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_ECHOING_PORT password=pl4nted-Secret;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log
reason: AUTH was refused
--- no_error_log
pl4nted


=== TEST 18: a server that still loads its data is asked again later
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_LOADING_PORT;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log
reason: LOADING Redis is loading the dataset


=== TEST 19: a server that says nothing
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_MUTE_PORT connect_timeout=100 timeout=3000;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log
reason: no answer to the set-up within 100ms


=== TEST 20: a call waits for its own deadline only
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_MUTE_PORT connect_timeout=30000 timeout=100;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_timeout


=== TEST 21: something that is no Redis
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_HTTP_PORT;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log eval
qr/rd redis own: not reachable, .* reason: Protocol error/


=== TEST 22: nobody listens
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log eval
qr/rd redis own: not reachable, server:127\.0\.0\.1:\d+ reason: Connection refused/


=== TEST 23: a connection that is not made in time
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_FULL_PORT connect_timeout=300 timeout=60000;
--- config
location = / { probe_call own PING; }
--- request
GET /
--- response_body
redis_down
--- error_log eval
qr/rd redis own: not reachable, .* reason: no answer to the set-up within 300ms/
