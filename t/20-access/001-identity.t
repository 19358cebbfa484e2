# Who is asking: CTFd's cookie, session and our user record.

use RD;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);
planted_secret('pLaNtEd8');
leave_keys(qr/\}:(?:session|owner|last):/);

plan('no_plan');
run_tests();

# who would have to be looked up hears after two seconds that this failed
{
    my $forged = visitor('ada forged');

    kill STOP => own_redis()->pid;
    my $res = http('GET /remote-desktop/api/status', visitor => $forged);
    kill CONT => own_redis()->pid;
    is($res->{code}, 401, 'a forged signature costs no Redis call');
}

__DATA__

=== TEST 1: nobody is answered by 401 in JSON, not by a redirect
--- request
GET /remote-desktop/api/status
--- error_code: 401
--- response_headers
Content-Type: application/json
Cache-Control: no-store
!Location
!Set-Cookie
--- response_body
{"error":"please log in first","code":"login_required","reason":"no_cookie","login_url":"/login?next=/remote-desktop"}


=== TEST 2: a browser gets a page with a link to log in
--- request
GET /remote-desktop/api/status
--- more_headers
Accept: text/html,application/xhtml+xml
--- error_code: 401
--- response_headers_like
Content-Type: text/html.*
--- response_body_like: <a href="/login\?next=/remote-desktop">Log in</a>


=== TEST 3: a player is known by name
--- visitor: ada
--- request
GET /remote-desktop/api/status
--- response_body
{"session":null,"user":{"id":2,"name":"ada"}}


=== TEST 4: without a record he is a player named by his id
--- visitor: ada norecord
--- request
GET /remote-desktop/api/status
--- response_body
{"session":null,"user":{"id":2,"name":"user2"}}


=== TEST 5: raw JSON in CTFd's Redis is a session, too
--- visitor: ada raw
--- request
GET /remote-desktop/api/status
--- response_body_like: "name":"ada"


=== TEST 6: a forged signature is nobody's
--- visitor: ada forged
--- request
GET /remote-desktop/api/status
--- error_code: 401


=== TEST 7: an anonymous session is nobody
--- visitor: ada anonymous
--- request
GET /remote-desktop/api/status
--- error_code: 401


=== TEST 8: a genuine cookie whose session is gone is nobody
--- visitor: ada gone
--- request
GET /remote-desktop/api/status
--- error_code: 401


=== TEST 9: a session from before the password was changed is nobody
--- visitor: ada stale
--- request
GET /remote-desktop/api/status
--- error_code: 401


=== TEST 10: a banned player is told so
--- visitor: ada banned
--- request
GET /remote-desktop/api/status
--- error_code: 403
--- response_body_like: "code":"banned"


=== TEST 11: a POST needs the token of the session
--- visitor: ada nocsrf
--- request
POST /remote-desktop/api/create
--- error_code: 403
--- response_body_like: "code":"csrf"


=== TEST 12: another token is refused, and nothing is created
--- visitor: ada badcsrf
--- request
POST /remote-desktop/api/create
--- error_code: 403
--- response_body_like: "code":"csrf"
--- redis_like
EXISTS rd:{$TEST_NGINX_SITE}:owner:2 => ^0$


=== TEST 13: the first cookie of the name counts
--- request
GET /remote-desktop/api/status
--- more_headers
Cookie: session=x; session=y
--- error_code: 401


=== TEST 14: the token is given to pages of the same origin
--- visitor: ada
--- request
GET /remote-desktop/api/csrf
--- more_headers
Sec-Fetch-Site: same-origin
--- response_body_like: ^\{"nonce":"[0-9a-f]{64}"\}$


=== TEST 15: but not to another site's
--- visitor: ada
--- request
GET /remote-desktop/api/csrf
--- more_headers
Sec-Fetch-Site: cross-site
--- error_code: 403
--- response_body_like: "code":"bad_origin"


=== TEST 16: an X-User-ID header says nothing about who is asking
--- request
GET /remote-desktop/api/status
--- more_headers
X-User-ID: 1
--- error_code: 401


=== TEST 17: an unverified player may look, but not create
--- visitor: ada unverified
--- request eval
["GET /remote-desktop/api/status", "POST /remote-desktop/api/create"]
--- error_code eval
[200, 403]
--- response_body_like eval
[qr/"session":null/, qr/"code":"not_verified"/]
