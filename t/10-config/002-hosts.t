# What nginx -t says about hosts.yml.

use RD;
use RD::Site;

add_block_preprocessor(\&RD::Site::preprocess);

plan('no_plan');
run_tests();

__DATA__

=== TEST 1: the file of the original plugin is taken as it is
--- hosts
workspace_hosts:
  - hostname: 127.0.0.1
    user: docker_user
    pub_hostname: host1.external.com

docker_image: ctfd-remote-desktop:latest

container_defaults:
  memory_limit: 4g
  shm_size: 2gb
  resolution: 1920x1080
  cpu_limit: 2

session_defaults:
  initial_duration: 3600
  extension_duration: 1200
  max_extensions: 3
--- request
GET /remote-desktop/api/status
--- error_code: 401


=== TEST 2: all complaints come at once, with file, line, key and reason
--- hosts
workspace_hosts:
  - hostname: h1.example
    weight: 0
    colour: green
  - hostname: h1.example
container_defaults:
  memory_limit: lots
--- must_die
--- error_log eval
[qr/hosts\.yml:3: \S*weight: /, qr/hosts\.yml:4: \S*colour: /,
 qr/hosts\.yml:5: workspace_hosts\[1\]: "h1\.example" is named twice/, qr/hosts\.yml:7: \S*memory_limit: /]


=== TEST 3: a file that is no YAML
--- hosts
workspace_hosts: [
--- must_die
--- error_log eval
qr/hosts\.yml:\d+: /


=== TEST 4: a file without hosts
--- hosts
docker_image: x
--- must_die
--- error_log
workspace_hosts


=== TEST 5: a proxy name that does not resolve
--- hosts
workspace_hosts:
  - hostname: 192.0.2.1
    proxy_hostname: no-such-host.invalid
--- must_die
--- error_log eval
qr/hosts\.yml:\d+: proxy_hostname: "no-such-host\.invalid"/


=== TEST 6: a missing file means the local Docker socket, with one notice
--- http_config
rd_hosts no-such.yml;
rd_ctfd_secret x;
rd_redis unix:$TEST_NGINX_REDIS_SOCK;
--- request
GET /remote-desktop/api/status
--- error_code: 401
--- grep_error_log eval: qr/the local Docker socket is the only host/
--- grep_error_log_out
the local Docker socket is the only host


=== TEST 7: a host whose key is not checked is warned of
--- hosts
workspace_hosts:
  - hostname: 192.0.2.1
    host_key_check: off
--- request
GET /remote-desktop/api/status
--- error_code: 401
--- error_log
host_key_check: is off for 192.0.2.1, anybody on the way can take its place
