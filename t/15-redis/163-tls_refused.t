# TLS that does not come about: the log names the cause and the parameter that
# helps, in one sentence.

use RD 'no_plan';
use RD::Certificates;
use RD::Place qw(free_port);
use RD::Serve;
use RD::Site;

my $ca = RD::Certificates->new('ca');
my $other_ca = RD::Certificates->new('other');
my ($cert, $key) = $ca->issue('redis', 'DNS:redis.example,DNS:localhost');
my ($old_cert, $old_key) = $ca->issue('old', 'IP:127.0.0.1', days => -1);
my ($own_cert, $own_key) = $ca->issue('nginx');
my $port = free_port();

my $redis = own_redis();
$redis->stop;
$redis->{conf} = <<"CONF";
tls-port $port
tls-cert-file $cert
tls-key-file $key
tls-ca-cert-file @{[$ca->ca]}
CONF
own_redis();

# another server, whose certificate has expired
my $old_port = free_port();
my $old = RD::Redis->new('old', conf => <<"CONF");
tls-port $old_port
tls-cert-file $old_cert
tls-key-file $old_key
tls-ca-cert-file @{[$ca->ca]}
tls-auth-clients no
CONF
$old->start;

$ENV{TEST_NGINX_TLS_PORT} = $port;
$ENV{TEST_NGINX_OLD_PORT} = $old_port;
$ENV{TEST_NGINX_CA} = $ca->ca;
$ENV{TEST_NGINX_OTHER_CA} = $other_ca->ca;
$ENV{TEST_NGINX_CERTS} = "tls_cert=$own_cert tls_key=$own_key";

$ENV{TEST_NGINX_HTTP_PORT} = serve(sub {
    print { $_[0] } "-ERR max number of clients reached\r\n";
});

add_cleanup_handler(sub {
    stop_serving();
    $old->stop;
});

my $http = $RD::Site::Http;

add_block_preprocessor(sub {
    my ($block) = @_;

    my $rd_redis = 'rd_redis ' . $block->args . ' connect_timeout=700ms;';
    $block->set_value('http_config',
                      $http =~ s/rd_redis unix:\S+;/$rd_redis/r);
    $block->set_value('request', 'GET /remote-desktop/api/status');
    $block->set_value('error_code', 401) if !defined $block->error_code;
    $block->set_value('wait', 3);
});
add_block_preprocessor(\&RD::Site::preprocess);
leave_keys(qr/./);

run_tests();

__DATA__

=== TEST 1: with the CA and a client certificate it works
--- args chomp
localhost:$TEST_NGINX_TLS_PORT tls=on tls_ca=$TEST_NGINX_CA $TEST_NGINX_CERTS
--- error_log
rd redis own: ready
--- no_error_log
rd redis own: refused


=== TEST 2: a certificate of another CA is not trusted
--- args chomp
localhost:$TEST_NGINX_TLS_PORT tls=on tls_ca=$TEST_NGINX_OTHER_CA $TEST_NGINX_CERTS
--- error_log eval
qr/\[error\].* rd redis own: refused, server:\S+ reason: the certificate is not trusted: .*set tls_ca= to/


=== TEST 3: without tls_ca= the CAs of the system count
--- args chomp
localhost:$TEST_NGINX_TLS_PORT tls=on $TEST_NGINX_CERTS
--- error_log eval
qr/rd redis own: refused, .* reason: the certificate is not trusted: .*set tls_ca= to/


=== TEST 4: a certificate for another address is refused
--- args chomp
127.0.0.1:$TEST_NGINX_TLS_PORT tls=on tls_ca=$TEST_NGINX_CA $TEST_NGINX_CERTS
--- error_log eval
qr/reason: the certificate is not for "127\.0\.0\.1"; set tls_name= to a name it has/


=== TEST 5: ... unless the name that it has is given
--- args chomp
127.0.0.1:$TEST_NGINX_TLS_PORT tls=on tls_ca=$TEST_NGINX_CA $TEST_NGINX_CERTS tls_name=redis.example
--- error_log
rd redis own: ready


=== TEST 6: a certificate for another name is refused
--- args chomp
localhost:$TEST_NGINX_TLS_PORT tls=on tls_ca=$TEST_NGINX_CA $TEST_NGINX_CERTS tls_name=elsewhere.example
--- error_log
the certificate is not for "elsewhere.example"; set tls_name=


=== TEST 7: tls_verify=off takes any certificate, and nginx warns
--- args chomp
127.0.0.1:$TEST_NGINX_TLS_PORT tls=on tls_verify=off $TEST_NGINX_CERTS
--- error_log
rd redis own: ready


=== TEST 8: a certificate that has expired is refused
--- args chomp
127.0.0.1:$TEST_NGINX_OLD_PORT tls=on tls_ca=$TEST_NGINX_CA
--- error_log
the certificate is not trusted: certificate has expired


=== TEST 9: Redis wants a client certificate, as it does by default
--- args chomp
localhost:$TEST_NGINX_TLS_PORT tls=on tls_ca=$TEST_NGINX_CA
--- error_log
the server wants a client certificate, set tls_cert= and tls_key=


=== TEST 10: a port without TLS
--- args chomp
127.0.0.1:$TEST_NGINX_REDIS_PORT tls=on tls_ca=$TEST_NGINX_CA
--- error_log eval
qr/rd redis own: not reachable, .* reason: no answer to the TLS handshake \(a port without TLS\? then leave out tls=on, .* within 700ms/


=== TEST 11: a server that answers without TLS
--- args chomp
127.0.0.1:$TEST_NGINX_HTTP_PORT tls=on tls_ca=$TEST_NGINX_CA
--- error_log
rd redis own: refused, server:127.0.0.1:
reason: the server answers without TLS; leave out tls=on


=== TEST 12: a TLS port without tls=on
--- args chomp
127.0.0.1:$TEST_NGINX_TLS_PORT
--- error_log
before an answer (a TLS port? then set tls=on)
