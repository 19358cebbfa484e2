# --- websocket, with a peer behind nginx as Debian has it.

use strict;
use warnings;

use RD 'no_plan';
use RD::Place qw(free_port top);

no_module();

my $port = $ENV{TEST_NGINX_PEER} = free_port();

defined(my $pid = fork) or die "fork: $!";
exec $^X, top() . '/t/fake/websocket.pl', $port or die if $pid == 0;

add_cleanup_handler { kill TERM => $pid; waitpid $pid, 0 };

wait_until(5, sub {
    IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
}) or die 'the peer did not come up';

run_tests();

__DATA__

=== no steps: one frame, then a close that is answered
--- config
location / {
    proxy_pass http://127.0.0.1:$TEST_NGINX_PEER;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    proxy_read_timeout 1s;
}
--- request
GET /x
--- websocket
--- response_headers
Upgrade: websocket
--- response_body
binary RFB 003.008\n
text http://localhost

=== frames of every length, both ways
--- request
GET /x
--- more_headers
Origin: http://elsewhere
--- websocket eval
my $long = 'y' x 66000;
"receive\nreceive\nsend text " . 'x' x 200 . "\nreceive\nsend binary \\x00\\xff\n"
. "receive\nsend ping p\nreceive\nsend text $long\nreceive\nsend close 1001\n"
. "receive\nreceive"
--- response_body eval
"binary RFB 003.008\\n\ntext http://elsewhere\ntext " . 'x' x 200 . "\n"
. "binary \\x00\\xff\npong p\ntext " . 'y' x 66000 . "\nclose 1001\neof\n"

=== hold sees that nothing comes
--- request
GET /x
--- websocket
receive
receive
hold 50ms
perl $main::seen = RD::nginx()->pid
--- response_body
binary RFB 003.008\n
text http://localhost
silence

=== the peer just ends
--- request
GET /bye
--- websocket
receive
receive
--- response_body
binary RFB 003.008\n
eof

=== a wrong accept key is told
--- request
GET /wrong
--- websocket
receive
--- response_body
wrong accept
binary RFB 003.008\n

=== an answer that is no WebSocket is an ordinary response
--- request
GET /plain
--- websocket
receive
--- error_code: 426
--- response_body
no
