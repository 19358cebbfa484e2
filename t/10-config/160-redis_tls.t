# What rd_redis and rd_ctfd_redis say of TLS parameters that cannot work.

use RD 'no_plan';
use RD::Certificates;
use RD::Site;

my $ca = RD::Certificates->new('ca');
my ($cert, $key) = $ca->issue('nginx');
my ($other, $other_key) = $ca->issue('other');

$ENV{TEST_NGINX_CERT} = $cert;
$ENV{TEST_NGINX_OTHER_KEY} = $other_key;

my $http = $RD::Site::Http =~ s/rd_redis unix:\S+;//r;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('http_config', $http . $block->http_config);
    $block->set_value('must_die', '');
});
add_block_preprocessor(\&RD::Site::preprocess);

run_tests();

__DATA__

=== TEST 1: parameters without tls=on
--- http_config
rd_redis 127.0.0.1:6379 tls_name=redis.example;
--- error_log
tls_... parameters need tls=on


=== TEST 2: neither on nor off
--- http_config
rd_redis 127.0.0.1:6379 tls=yes;
--- error_log
tls= is "on" or "off", not "yes"


=== TEST 3: a unix socket has no TLS
--- http_config
rd_redis unix:/run/redis.sock tls=on;
--- error_log
tls=on needs host:port


=== TEST 4: a CA file that is not there is named
--- http_config
rd_redis 127.0.0.1:6379 tls=on tls_ca=none.crt;
--- error_log eval
qr/tls_ca= cannot be used: "\S+none\.crt"/


=== TEST 5: a certificate without its key
--- http_config
rd_redis 127.0.0.1:6379 tls=on tls_cert=$TEST_NGINX_CERT;
--- error_log
tls_cert= and tls_key= need each other


=== TEST 6: the key of another certificate
--- http_config
rd_redis 127.0.0.1:6379 tls=on tls_cert=$TEST_NGINX_CERT tls_key=$TEST_NGINX_OTHER_KEY;
--- error_log
tls_key= cannot be used


=== TEST 7: a URL is no address
--- http_config
rd_redis rediss://127.0.0.1:6379;
--- error_log
a Redis address is host:port or unix:/path, not a URL; rediss:// is the parameter tls=on
