use RD::Probe;
use RD 'no_plan';

leave_keys(qr/^t:/);

run_tests();

__DATA__

=== TEST 1: a script the server does not know goes out whole, unseen
--- http_config
probe_redis own 127.0.0.1:$TEST_NGINX_REDIS_PORT;
--- config
location = /run {
    probe_script own "return {KEYS[1], ARGV[1], ARGV[2], #KEYS, #ARGV}" 1
                 t:key $arg_a "two words";
}

location = /once {
    probe_script own "return redis.call('INCR', KEYS[1])" 1 t:runs;
}

location = /bad { probe_script own "return redis.call('NOSUCH')" 0; }
location = /own { probe_script own "return redis.error_reply('NOSCRIPT by me')" 0; }
location = /none { probe_script own "return 7" 0; }
--- request
GET /run?a=1
--- response_body
ok
array 5
  string 5 t:key
  string 1 1
  string 9 two words
  integer 1
  integer 2
--- grep_error_log eval: qr/rd redis call: script probe sent whole/
--- grep_error_log_out
rd redis call: script probe sent whole


=== TEST 2: the next time its SHA is enough
--- request
GET /run?a=
--- response_body eval
"ok\narray 5\n  string 5 t:key\n  string 0 \n  string 9 two words\n"
. "  integer 1\n  integer 2\n"
--- no_error_log
sent whole


=== TEST 3: it runs once, also when the server forgot it
--- redis
SCRIPT FLUSH
DEL t:runs
--- request eval
["GET /once", "GET /once"]
--- error_code eval
[200, 200]
--- response_body eval
["ok\ninteger 1\n", "ok\ninteger 2\n"]
--- redis_like
GET t:runs => ^2$


=== TEST 4: a script that fails is an error reply
--- request
GET /bad
--- response_body_like
^redis_reply
error ERR .*


=== TEST 5: a script that says NOSCRIPT itself is sent whole once, not for ever
--- request
GET /own
--- response_body
redis_refused
--- error_log
the server refuses a command: NOSCRIPT by me
--- grep_error_log eval: qr/sent whole/
--- grep_error_log_out
sent whole


=== TEST 6: no key and no argument
--- request
GET /none
--- response_body
ok
integer 7
