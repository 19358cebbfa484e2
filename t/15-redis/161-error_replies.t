# Every error that Redis answers with is one of: away, no writes, to be
# configured, unexpected; the log names cause and cure at warn, once.

use RD::Probe;
use RD 'no_plan';

planted_secret('pl4nted-Secret');

# Answers PING and INFO; an error to all else, its own one for each port.

sub answering {
    my ($error, $times) = @_;

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

            my $info = "redis_version:7.0.15\r\nrole:master\r\n";
            print $socket $argv[0] eq 'PING' ? "+PONG\r\n"
                        : $argv[0] eq 'INFO' ? '$' . length($info)
                                               . "\r\n$info\r\n"
                        : "-$error\r\n";
        }
    });
}

our %answers = (
    LOADING  => ['LOADING Redis is loading the dataset in memory',
                 'redis_down', 'reading its data'],
    CLUSTER  => ['CLUSTERDOWN Hash slot not served',
                 'redis_down', 'CLUSTER INFO'],
    TRYAGAIN => ['TRYAGAIN Multiple keys request during rehashing of slot',
                 'redis_down', 'moving this hash slot'],
    OLD_LUA  => ['ERR Error running script (call to f_12ab): @user_script:7: '
                 . '@user_script: 7: -READONLY You can\'t write against a '
                 . 'read only replica.', 'redis_no_write', "master's address"],
    MOVED    => ['MOVED 3999 127.0.0.9:6381', 'redis_refused',
                 'the node named here'],
    CROSS    => ["CROSSSLOT Keys in request don't hash to the same slot",
                 'redis_refused', 'no cluster'],
    DENIED   => ['DENIED Redis is running in protected mode',
                 'redis_refused', 'a password'],
    TYPE     => ['WRONGTYPE Operation against a key holding the wrong kind of '
                 . 'value', 'redis_refused', 'prefix='],
    EXEC     => ['EXECABORT Transaction discarded because of previous errors.',
                 'redis_refused', 'a transaction'],
    NOSCRIPT => ['NOSCRIPT No matching script. Please use EVAL.',
                 'redis_refused', 'forgets scripts'],
    UNKNOWN  => ["ERR unknown command 'GET', with args beginning with: "
                 . "'pl4nted-Secret' ", 'redis_refused', 'rename-command'],
    OTHER    => ['ERR something is odd', "redis_reply\nerror ERR something "
                 . 'is odd', 'not expected'],
    NOAUTH   => ['NOAUTH Authentication required.', 'redis_refused',
                 'password_file='],
);

for my $name (keys %answers) {
    $ENV{"TEST_NGINX_${name}_PORT"} = answering($answers{$name}[0]);
}

add_cleanup_handler(sub { stop_serving() });

my ($http, $config) = ('', '');

for my $name (sort keys %answers) {
    $http .= "probe_redis $name 127.0.0.1:\$TEST_NGINX_${name}_PORT;\n";
    $config .= "location = /$name { probe_call $name GET t:1; }\n";
}

add_block_preprocessor(sub {
    my ($block) = @_;

    my ($name) = $block->name =~ /(\w+)$/;
    my ($text, $answer, $cure) = @{ $answers{$name} };
    my ($code) = $text =~ /^ERR Error/ ? 'ERR Error' : $text =~ /^(\w+)/;

    $block->set_value('http_config', $http);
    $block->set_value('config', $config);

    if ($name eq 'NOAUTH') {
        $block->set_value('request', "GET /$name");
        $block->set_value('response_body', "$answer\n");
        return;
    }

    $block->set_value('request', ["GET /$name", "GET /$name"]);
    $block->set_value('error_code', [200, 200]);
    $block->set_value('response_body', ["$answer\n", "$answer\n"]);
    $block->set_value('grep_error_log',
                      qr/\[warn\].*rd redis $name: .*: $code\b.*\Q$cure\E/);
    $block->set_value('grep_error_log_out', qr/\A[^\n]+\n\z/);
});

run_tests();

__DATA__

=== TEST 1: a server that is loading is away: LOADING
--- no_error_log
[error]


=== TEST 2: a cluster that does not serve is away: CLUSTER
--- no_error_log
[error]


=== TEST 3: a slot on the move is away: TRYAGAIN
--- no_error_log
[error]


=== TEST 4: Redis 6.2 hides the reason inside a script's error: OLD_LUA
--- no_error_log
[error]


=== TEST 5: another node has the keys: MOVED
--- no_error_log
[error]


=== TEST 6: keys of several slots: CROSS
--- no_error_log
[error]


=== TEST 7: protected mode: DENIED
--- no_error_log
[error]


=== TEST 8: keys of another program: TYPE
--- no_error_log
[error]


=== TEST 9: a transaction that was refused: EXEC
--- no_error_log
[error]


=== TEST 10: a script that is never known: NOSCRIPT
--- no_error_log
[error]


=== TEST 11: a command that is not there, whose arguments are not shown: UNKNOWN
--- no_error_log
pl4nted


=== TEST 12: an error nobody expected is logged as it is: OTHER
--- no_error_log
[error]


=== TEST 13: a password is wanted since: NOAUTH
--- error_log
rd redis NOAUTH: refused, server:127.0.0.1:
the server wants a password; set password_file=
