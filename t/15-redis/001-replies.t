use RD::Probe;
use RD 'no_plan';

leave_keys(qr/^t:/);

run_tests();

__DATA__

=== TEST 1: a string comes back as it is, with bytes that mean something to RESP
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- config
location = /echo   { probe_call own ECHO "a\r\n+b  c"; }
location = /empty  { probe_call own ECHO ""; }
location = /get    { probe_call own GET t:$arg_key; }
location = /set    { probe_call own SET t:$arg_key $arg_value; }
location = /incr   { probe_call own INCR t:counter; }
location = /hgetall { probe_call own HGETALL t:hash; }
location = /nosuch { probe_call own NOSUCHCOMMAND a; }
location = /eval   { probe_call own EVAL "return {1, 'a', {false, {}, {-9}}, 'z'}" 0; }
location = /big    { probe_call own EVAL "return string.rep('x', 100000)" 0; }
location = /wrong  { probe_call own LPUSH t:counter a; }
location = /minus  { probe_call own INCRBY t:low -9223372036854775807; }
--- request
GET /echo
--- response_body eval
"ok\nstring 8 a\r\n+b  c\n"


=== TEST 2: an empty string is a string, a missing key is nil
--- request eval
["GET /empty", "GET /get?key=missing"]
--- error_code eval
[200, 200]
--- response_body eval
["ok\nstring 0 \n", "ok\nnil\n"]


=== TEST 3: a status is a string, and what was set is there
--- request eval
["GET /set?key=one&value=two", "GET /get?key=one"]
--- error_code eval
[200, 200]
--- response_body eval
["ok\nstring 2 OK\n", "ok\nstring 3 two\n"]


=== TEST 4: integers, also very small ones
--- redis
SET t:counter 41
DEL t:low
--- request eval
["GET /incr", "GET /minus"]
--- error_code eval
[200, 200]
--- response_body eval
["ok\ninteger 42\n", "ok\ninteger -9223372036854775807\n"]


=== TEST 5: arrays in arrays, with nil and empty ones
--- request
GET /eval
--- response_body
ok
array 4
  integer 1
  string 1 a
  array 3
    nil
    array 0
    array 1
      integer -9
  string 1 z


=== TEST 6: a hash is an array of names and values
--- redis
HSET t:hash a 1 b ""
--- request
GET /hgetall
--- response_body eval
"ok\narray 4\n  string 1 a\n  string 1 1\n  string 1 b\n  string 0 \n"


=== TEST 7: an error reply is an error of its own, named by the log
--- request eval
["GET /nosuch", "GET /wrong"]
--- error_code eval
[200, 200]
--- response_body eval
["redis_refused\n", "redis_refused\n"]
--- error_log eval
[qr/\[warn\].* the server refuses a command: ERR unknown command/,
 qr/\[warn\].* the server refuses a command: WRONGTYPE /]


=== TEST 8: a reply larger than one read is whole
--- request
GET /big
--- response_body eval
"ok\nstring 100000 " . "x" x 100000 . "\n"
