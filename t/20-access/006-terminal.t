# Where the gate of a terminal leads.  Who may pass stands in 030-matrix.t.

use RD;
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop();
my $terminal = serve_desktop(head => 1);

# 2 ada: all modes. 3 bob: the desktop alone. 6 frank: as they were before
# there were modes.
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('redis',
        ready_session(2, $desktop, terminal_port => $terminal,
                      ssh_port => 4022, public_host => 'play.example.com')
        . ready_session(3, $desktop, terminal_port => 0, ssh_port => 0,
                        public_host => 'play.example.com')
        . ready_session(6, $desktop));
});
add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/);

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: the owner reaches his terminal, and no cookie goes with him
--- visitor: ada
--- request
GET /remote-desktop/terminal/2/ws
--- more_headers
Origin: http://localhost
Authorization: Token ctfd_0123456789
Sec-WebSocket-Protocol: tty
--- websocket
receive
--- error_code: 101
--- response_body_like: (?is)^(?!.*(?:cookie|authorization|csrf)).*GET /ws .*protocol: tty


=== TEST 2: the desktop beside it is another endpoint
--- visitor: ada
--- request
GET /remote-desktop/vnc/2/websockify
--- more_headers
Origin: http://localhost
--- websocket
receive
--- error_code: 101
--- response_body_like: ^binary RFB 003.008


=== TEST 3: nor does he learn who offers one
--- visitor: ada
--- request
GET /remote-desktop/terminal/3/ws
--- more_headers
Origin: http://localhost
--- websocket
--- error_code: 403
--- response_body_like: "code":"forbidden"


=== TEST 4: a session without a terminal says so
--- visitor: bob
--- request
GET /remote-desktop/terminal/3/ws
--- more_headers
Origin: http://localhost
--- websocket
--- error_code: 404
--- response_body_like: "code":"mode_not_offered"


=== TEST 5: its desktop is open all the same
--- visitor: bob
--- request
GET /remote-desktop/vnc/3/websockify
--- more_headers
Origin: http://localhost
--- websocket
receive
--- error_code: 101
--- response_body_like: ^binary RFB 003.008


=== TEST 6: a session from before there were modes has no terminal
--- visitor: frank:6
--- request
GET /remote-desktop/terminal/6/ws
--- more_headers
Origin: http://localhost
--- websocket
--- error_code: 404
--- response_body_like: "code":"mode_not_offered"


=== TEST 7: another site cannot type with the visitor's cookie
--- visitor: ada
--- request
GET /remote-desktop/terminal/2/ws
--- more_headers
Origin: http://evil.example
--- websocket
--- error_code: 403
--- response_body_like: "code":"bad_origin"
--- no_error_log
rd access: lookup started


=== TEST 8: only a WebSocket goes in
--- visitor: ada
--- request
GET /remote-desktop/terminal/2/ws
--- error_code: 426
--- response_body_like: "code":"websocket_required"


=== TEST 9: status says what the session offers
--- visitor eval
['ada', 'bob']
--- request eval
['GET /remote-desktop/api/status', 'GET /remote-desktop/api/status']
--- response_body_like eval
[qr/"modes":\["desktop","terminal","ssh"\]/, qr/"modes":\["desktop"\]/]


=== TEST 10: the data of an ssh login come by an authenticated call
--- visitor: ada
--- request
GET /remote-desktop/api/credentials
--- response_headers
Cache-Control: no-store
--- response_body_like: "ssh":\{"host":"play.example.com","port":4022,"user":"user2","password":"pLaNtEd8"\}


=== TEST 11: without SSH mode there are none
--- visitor: bob
--- request
GET /remote-desktop/api/credentials
--- response_body_like: ^\{"vnc_password":"pLaNtEd8"\}$


=== TEST 12: and none of somebody else's
--- visitor: dora:9
--- request
GET /remote-desktop/api/credentials
--- error_code: 404
--- response_body_unlike: pLaNtEd8


=== TEST 13: a location inside a terminal's gate is a terminal's
--- config
location /outer/ {
    rd_gate 2 websocket terminal;
    location /outer/inner/ {
        proxy_pass http://$rd_backend;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
    }
}
--- visitor: ada
--- request
GET /outer/inner/x
--- more_headers
Origin: http://localhost
--- websocket
receive
--- error_code: 101
--- response_body_like: ^text GET /outer/inner/x
