# The directives of refusals, and what nginx -t says of a key with a newline.

use RD 'no_plan';
use RD::Place qw(prefix spew);
use RD::Site;

spew(prefix() . '/conf/key-line', "a text key\n");
spew(prefix() . '/conf/key-text', 'a text key');
$ENV{TEST_NGINX_KEY} = prefix() . '/conf/key';

log_level('warn');
add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', $RD::Site::Config);
    $block->set_value('http_config', ($block->http_config // '')
                                     . $RD::Site::Http)
        if ($block->http_config // '') !~ /rd_ctfd_secret_file/;
});
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);
run_tests();

__DATA__

=== TEST 1: an origin begins with its scheme
--- http_config
rd_allowed_origins ctf.test;
--- must_die
--- error_log
invalid origin "ctf.test" in "rd_allowed_origins": it must begin with


=== TEST 2: an origin has no path
--- http_config
rd_allowed_origins https://ctf.test/;
--- must_die
--- error_log
invalid origin "https://ctf.test/" in "rd_allowed_origins": an origin ends


=== TEST 3: an origin has a host
--- http_config
rd_allowed_origins https://a.test http://;
--- must_die
--- error_log
invalid origin "http://" in "rd_allowed_origins": it has no host


=== TEST 4: an origin is no pattern
--- http_config
rd_allowed_origins https://*.test;
--- must_die
--- error_log
a host is written out, in ASCII, and without "*"


=== TEST 5: an origin has no default port
--- http_config
rd_allowed_origins https://ctf.test:443;
--- must_die
--- error_log
browsers leave out the default port


=== TEST 6: rd_allowed_origins stands once
--- http_config
rd_allowed_origins https://a.test; rd_allowed_origins https://b.test;
--- must_die
--- error_log
"rd_allowed_origins" directive is duplicate


=== TEST 7: rd_refusal_interval is a time
--- http_config
rd_refusal_interval often;
--- must_die
--- error_log
"rd_refusal_interval" directive invalid value


=== TEST 8: a key of text that ends in a newline is warned of
--- http_config
rd_redis unix:$TEST_NGINX_REDIS_SOCK;
rd_hosts $TEST_NGINX_HOSTS;
rd_ctfd_secret_file $TEST_NGINX_KEY-line;
--- request
GET /remote-desktop/api/status
--- error_code: 401
--- error_log
key-line" ends in a newline, which is taken as part of CTFd's SECRET_KEY


=== TEST 9: one that does not is fine
--- http_config
rd_redis unix:$TEST_NGINX_REDIS_SOCK;
rd_hosts $TEST_NGINX_HOSTS;
rd_ctfd_secret_file $TEST_NGINX_KEY-text;
rd_allowed_origins https://ctf.test http://localhost:8080;
rd_refusal_interval 10m;
--- request
GET /remote-desktop/api/status
--- error_code: 401
--- no_error_log
ends in a newline
