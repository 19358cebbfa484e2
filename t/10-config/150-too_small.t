# hosts.yml must not contradict itself: a host that could never hold a desktop.

use RD 'no_plan';

run_tests();

__DATA__

=== TEST 1: memory of a host is less than memory_limit
--- http_config
rd_site test;
rd_hosts $TEST_NGINX_HOSTS;
--- config
location = /t { return 204; }
--- hosts
workspace_hosts:
  - hostname: 192.0.2.1
    memory: 3g
container_defaults:
  memory_limit: 4g
--- must_die
--- error_log
:2: workspace_hosts[0].memory: 3072m is less than the memory_limit of one desktop, 4096m


=== TEST 2: of the default memory_limit, too, and cpus of a host
--- http_config
rd_site test;
rd_hosts $TEST_NGINX_HOSTS;
--- hosts
workspace_hosts:
  - hostname: 192.0.2.1
    memory: 8g
    cpus: 8
  - hostname: 192.0.2.2
    memory: 1g
    cpus: 0.4
--- must_die
--- error_log
:5: workspace_hosts[1].memory: 1024m is less than the memory_limit of one desktop, 4096m
:5: workspace_hosts[1].cpus: 0.4 is less than one desktop takes, cpu_limit / cpu_overcommit, 0.5
--- no_error_log
workspace_hosts[0]


=== TEST 3: exactly one desktop
--- http_config
rd_site test;
rd_hosts $TEST_NGINX_HOSTS;
--- hosts
workspace_hosts:
  - hostname: 192.0.2.1
    memory: 4g
    cpus: 0.5
--- request
GET /t
--- error_code: 204
