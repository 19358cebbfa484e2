# What nginx -t says about directives.

use RD;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: everything set at once is taken
--- main_config
thread_pool rd threads=4 max_queue=64;
--- http_config
rd_hosts $TEST_NGINX_HOSTS;
rd_site spring-2027;
rd_redis 127.0.0.1:$TEST_NGINX_REDIS_PORT db=3 prefix=desk: timeout=500ms connect_timeout=1s calls_max=50;
rd_ctfd_redis unix:$TEST_NGINX_CTFD_REDIS_SOCK session_prefix=foo_session;
rd_ctfd_cookie ctfsess;
rd_ctfd_secret a-text-key;
rd_require_verified off;
rd_login_url https://ctf.example/login;
rd_thread_pool rd;
rd_jobs_max 10;
rd_create_timeout 10s;
rd_ready_timeout 20s;
rd_probe_interval 10s;
rd_sweep_interval 5m;
rd_history_keep 90d;
rd_handshake_timeout 5s;
--- config
location /remote-desktop/api { rd_api; }
--- request eval
[('GET /remote-desktop/api/status') x 2]
--- more_headers eval
['Accept: text/html', '']
--- error_code eval
[401, 401]
--- response_body_like eval
[qr{href="https://ctf.example/login"},
 qr{"login_url":"https://ctf.example/login"}]


=== TEST 2: without CTFd's key nginx does not start
--- http_config
rd_hosts $TEST_NGINX_HOSTS;
--- must_die
--- error_log
rd_api and rd_gate need CTFd's key: set "rd_ctfd_secret_file" or "rd_ctfd_secret"


=== TEST 3: a key file that is not there is named
--- http_config
rd_ctfd_secret_file /nowhere/key;
--- must_die
--- error_log
open() "/nowhere/key" failed


=== TEST 4: an empty key is refused
--- http_config
rd_ctfd_secret "";
--- must_die
--- error_log
"rd_ctfd_secret" directive is empty


=== TEST 5: a site is a short plain name
--- http_config
rd_site "my site";
--- must_die
--- error_log
may only have a-z, 0-9 and, not at first, "-"


=== TEST 6: of a wrong Redis parameter only the name is shown
--- http_config
rd_redis 127.0.0.1:6379 pasword=hunter2;
--- must_die
--- error_log
invalid parameter "pasword" (its value is not shown)
--- no_error_log
hunter2


=== TEST 7: an address of Redis that is none
--- http_config
rd_redis unix:;
--- must_die
--- error_log
in Redis address "unix:"


=== TEST 8: a database that is none
--- http_config
rd_redis 127.0.0.1:6379 db=minus;
--- must_die
--- error_log
invalid parameter "db"


=== TEST 9: a user without a password
--- http_config
rd_redis 127.0.0.1:6379 user=rd;
--- must_die
--- error_log
has a user but no password


=== TEST 10: rd_api not in a regular expression
--- config
location ~ /api/ { rd_api; }
--- must_die
--- error_log
may not stand in a location given by a regular expression


=== TEST 11: rd_gate knows two kinds and two ends
--- config
location /x/ { rd_gate $arg_u carrier-pigeon; }
--- must_die
--- error_log
it must be "websocket" or "http", "desktop" or "terminal"


=== TEST 12: a thread pool that is not defined
--- http_config
rd_thread_pool none;
rd_ctfd_secret x;
rd_hosts $TEST_NGINX_HOSTS;
--- must_die
--- error_log
unknown thread pool "none"


=== TEST 13: a prefix may not bring a hash tag of its own
--- http_config
rd_redis 127.0.0.1:6379 "prefix={a}";
--- must_die
--- error_log
a prefix must not contain "{"


=== TEST 14: nginx without our directives needs nothing of ours
--- http_config
--- config
location /x { return 200 "fine"; }
--- request
GET /x
--- response_body chomp
fine


=== TEST 15: an unknown path is 404, a wrong method 405 with Allow
--- request eval
["GET /remote-desktop/api/nothing", "GET /remote-desktop/api/create",
 "POST /remote-desktop/api/status", "DELETE /remote-desktop/api/extend",
 "GET /remote-desktop/api/"]
--- error_code eval
[404, 405, 405, 405, 404]
--- response_headers eval
["", "Allow: POST", "Allow: GET, HEAD", "Allow: POST", ""]
--- response_body_like eval
[qr/"code":"not_found"/, qr/"code":"method_not_allowed"/,
 qr/"code":"method_not_allowed"/, qr/"code":"method_not_allowed"/,
 qr/"code":"not_found"/]


=== TEST 16: rd_api in an exact location answers the last segment
--- config
location = /remote-desktop/auth-check { rd_api; }
--- request
GET /remote-desktop/auth-check
--- error_code: 401


=== TEST 17: HEAD is answered like GET, without a body
--- request
HEAD /remote-desktop/api/status
--- error_code: 401
--- response_body


=== TEST 18: looks at a host too often
--- http_config
rd_probe_interval 99ms;
--- must_die
--- error_log
"rd_probe_interval" directive must be at least 100ms


=== TEST 19: sweeps without a pause
--- http_config
rd_sweep_interval 0;
--- must_die
--- error_log
"rd_sweep_interval" directive must be at least 100ms


=== TEST 24: a handshake that has no time
--- http_config
rd_handshake_timeout 0;
--- must_die
--- error_log
"rd_handshake_timeout" directive must be at least 100ms


=== TEST 20: a history that is kept for no time
--- http_config
rd_history_keep 0s;
--- must_die
--- error_log
"rd_history_keep" directive must be at least 100ms


=== TEST 21: a prefix that would leave no room for the rest of a key
--- http_config eval
"rd_redis 127.0.0.1:6379 prefix=" . 'p' x 129 . ";\n"
--- must_die
--- error_log
a prefix must not have more than 128 bytes


=== TEST 22: neither may that of CTFd's sessions
--- http_config eval
"rd_ctfd_redis 127.0.0.1:6379 session_prefix=" . 'p' x 129 . ";\n"
--- must_die
--- error_log
a prefix must not have more than 128 bytes


=== TEST 23: with the longest one there is, users are told apart
--- http_config eval
my $long = 'p' x 128;
$RD::Site::Http =~ s{(rd_redis [^;]+);}{$1 prefix=$long;}r
    =~ s{(rd_ctfd_redis [^;]+);}{$1 session_prefix=$long;}r
--- config eval
$RD::Site::Config
--- init
$RD::Visitor::Prefix = $RD::Visitor::SessionPrefix = 'p' x 128;
--- visitor eval
['zoe:900719925474099', 'bob:9007199254740990']
--- request eval
['GET /remote-desktop/api/status', 'GET /remote-desktop/api/status']
--- response_body_like eval
[qr/"name":"zoe"/, qr/"name":"bob"/]


=== TEST 25: pages that are not published fail the start
--- http_config
rd_pages nowhere;
--- must_die
--- error_log eval
qr{the page "\S+/nowhere/current/index\.html" is missing; publish the pages}


=== TEST 26: published pages are accepted
--- http_config
rd_pages html;
--- user_files
>>> current/index.html
1
>>> current/viewer.html
2
>>> current/terminal.html
3
--- config
--- request
GET /current/viewer.html
--- error_code: 200
