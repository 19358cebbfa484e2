# A suite that keeps to the language of Test::Nginx::Socket counts and passes
# alike under the original (without -It/lib) and under our runner.

use Test::Nginx::Socket;

repeat_each(2);
no_shuffle();
no_long_string();

$ENV{TEST_NGINX_LOAD_MODULES} //= '';
$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

plan tests => repeat_each() * 28;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('request', 'GET /default') if !defined $block->request
        && !defined $block->raw_request && !defined $block->pipelined_requests;
});

run_tests();

__DATA__

=== TEST 1: config, request, response
--- config
location = /a {
    add_header X-A b;
    add_header X-Port $server_port;
    return 200 "a $arg_x\n";
}
location = /default { return 200 "$ServerPort_ default\n"; }
location = /post { return 200 "$content_length $http_x_y\n"; }
--- http_config
map $arg_x $ServerPort_ { default "the"; }
--- request
GET /a?x=1
--- response_headers
X-A: b
X-Port: $ServerPort
!X-B
--- response_body
a 1
--- error_log
GET /a?x=1
--- no_error_log
[error]
[alert]

=== TEST 2: the request of a preprocessor
--- response_body
the default

=== TEST 3: more headers and a body
--- request
POST /post
12345
--- more_headers
X-Y: z
--- response_body_like: ^5 z$
--- response_headers_like
Content-Length: \d+

=== TEST 4: several requests
--- request eval
["GET /a", "GET /none"]
--- error_code eval
[200, 404]
--- response_body_like eval
["^a", "404 Not Found"]

=== TEST 5: pipelined
--- pipelined_requests eval
["GET /a?x=1", "GET /a?x=2"]
--- response_body eval
["a 1\n", "a 2\n"]

=== TEST 6: raw
--- raw_request eval
"GET /a?x=7 HTTP/1.0\r\nHost: x\r\n\r\n"
--- response_body
a 7

=== TEST 7: files and expansion
--- config
location /f { root $TEST_NGINX_HTML_DIR; }
--- user_files
>>> f.txt
file
--- request
GET /f.txt
--- response_body
file
--- grep_error_log eval
qr/http filename: "[^"]*f\.txt"/
--- grep_error_log_out eval
qr/\Ahttp filename: ".*f\.txt"\n\z/
--- error_code_like: ^20.$

=== TEST 8: nginx must die
--- config
nonsense;
--- must_die
--- error_log
unknown directive "nonsense"
