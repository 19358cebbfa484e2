# How one passes the gate, and what of him reaches the container.  Who may pass
# stands in 030-matrix.t.

use RD;
use RD::Serve;
use RD::Site;

my $desktop = serve_desktop();
my $shows_head = serve_desktop(head => 1, headers =>
    "Set-Cookie: session=evil\r\nX-Desktop: yes\r\n");

$ENV{TEST_NGINX_DESKTOP_PORT} = $desktop;

# 2 ada: ready. 3 bob: shows what reaches it. 4 eve: far away.
$ENV{TEST_NGINX_SESSIONS} = '';

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('redis',
        ready_session(2, $desktop)
        . ready_session(3, $shows_head)
        . ready_session(4, 6080, address => '2001:db8::1'));
});
add_block_preprocessor(\&RD::Site::preprocess);

planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last|live|expiry|stopping|events|history)/);

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: the owner reaches his desktop
--- visitor: ada
--- request
GET /remote-desktop/vnc/2/websockify
--- more_headers
Origin: http://localhost
--- websocket
receive
--- error_code: 101
--- response_body_like: RFB 003.008


=== TEST 2: an admin reaches anybody's
--- visitor: admin
--- request
GET /remote-desktop/vnc/2/websockify
--- more_headers
Origin: http://localhost
--- websocket
receive
--- error_code: 101
--- response_body_like: RFB 003.008


=== TEST 3: another site cannot use the visitor's cookie
--- visitor: ada
--- request
GET /remote-desktop/vnc/2/websockify
--- more_headers
Origin: http://evil.example
--- websocket
--- error_code: 403
--- response_body_like: "code":"bad_origin"
--- no_error_log
rd access: lookup started


=== TEST 4: nor does a client without an Origin pass
--- raw_request eval
"GET /remote-desktop/vnc/2/websockify HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
--- error_code: 403
--- response_body_like: "code":"bad_origin"


=== TEST 5: only a WebSocket goes in
--- visitor: ada
--- request
GET /remote-desktop/vnc/2/websockify
--- error_code: 426
--- response_headers
Upgrade: websocket
--- response_body_like: "code":"websocket_required"


=== TEST 6: a WebSocket over HTTP/1.0 is none
--- visitor: ada
--- raw_request eval
"GET /remote-desktop/vnc/2/websockify HTTP/1.0\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\nOrigin: http://localhost\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
--- error_code: 426


=== TEST 7: ids that are none are nowhere
--- config
location ~ ^/http/([^/]+)/ {
    rd_gate $1 http;
    proxy_pass http://$rd_backend;
}
--- visitor: ada
--- request eval
[map { "GET /http/$_/" }
 '0', '-2', '2x', '02', '+2', '2%20', '1e0', '100000000000000000000',
 '18446744073709551618', '%32%00']
--- error_code eval
[(404) x 9, 400]


=== TEST 8: cookies and keys do not reach the container
--- visitor: bob
--- request
GET /remote-desktop/vnc/3/websockify
--- more_headers
Origin: http://localhost
Authorization: Token ctfd_0123456789
Proxy-Authorization: Basic eDp5
X-RD-Signature: v1
CSRF-Token: 0123
Cookie: other=1
X-Harmless: stays
--- websocket
receive
--- error_code: 101
--- response_body_like: (?is)^(?!.*(?:cookie|authorization|csrf|signature)).*x-harmless: stays


=== TEST 9: no header of a container but those of a handshake comes out of it
--- visitor: bob
--- request
GET /remote-desktop/vnc/3/websockify
--- more_headers
Origin: http://localhost
--- websocket
receive
--- error_code: 101
--- response_headers
!Set-Cookie
!X-Desktop


=== TEST 10: nothing a client sends chooses the backend
--- visitor: ada
--- request
GET /remote-desktop/vnc/2/websockify?rd_backend=127.0.0.1:1
--- more_headers
Origin: http://localhost
X-VNC-Host: 127.0.0.1
X-VNC-Port: 1
X-User-ID: 3
X-Forwarded-For: 127.0.0.1
--- websocket
receive
--- error_code: 101
--- response_body_like: RFB 003.008


=== TEST 11: where HTTP may pass, the same rules hold
--- config
location ~ ^/http/(\d+)/ {
    rd_gate $1 http;
    proxy_pass http://$rd_backend;
}
--- visitor eval
['bob', 'ada', 'none']
--- request eval
["GET /http/3/", "GET /http/3/", "GET /http/3/"]
--- error_code eval
[200, 403, 401]
--- error_log
rd access: refused, forbidden, desktop of:3 visitor:2
rd access: refused, login_required, desktop of:3 visitor:0


=== TEST 12: a location inside a gated one is gated, too
--- config
location /outer/ {
    rd_gate 2;
    location /outer/inner/ {
        return 200 "in";
    }
    location /outer/file/ {
        root html;
    }
}
--- request
GET /outer/file/
--- error_code: 401


=== TEST 13: without the gate there is no backend
--- config
location /naked/ {
    return 200 "[$rd_backend]";
}
--- request
GET /naked/
--- response_body chomp
[]


=== TEST 14: a browser is shown a page
--- visitor: bob
--- request
GET /remote-desktop/vnc/2/websockify
--- more_headers
Accept: text/html
--- error_code: 403
--- response_body_like: <h1>Remote desktop</h1>


=== TEST 15: what looks like a WebSocket, from nobody
--- raw_request eval
"GET /remote-desktop/vnc/2/websockify HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\nOrigin: http://localhost\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
--- error_code: 401


=== TEST 16: a WebSocket that is posted is none
--- raw_request eval
"POST /remote-desktop/vnc/2/websockify HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\nOrigin: http://localhost\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
--- error_code: 426


=== TEST 17: nor is one of another version
--- raw_request eval
"GET /remote-desktop/vnc/2/websockify HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\nOrigin: http://localhost\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
--- error_code: 426


=== TEST 18: nor one with half a key
--- raw_request eval
"GET /remote-desktop/vnc/2/websockify HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\nOrigin: http://localhost\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n\r\n"
--- error_code: 426


=== TEST 19: an address with colons is told from its port
--- config
location ~ ^/http/(\d+)/ {
    rd_gate $1 http;
    add_header X-Backend $rd_backend always;
}
--- visitor: eve
--- request
GET /http/4/nothing
--- error_code: 404
--- response_headers
X-Backend: [2001:db8::1]:6080
