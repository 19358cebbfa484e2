# tools/rooms.sh: each law is broken once, in a folder of small objects, and
# the breach is named; a clean folder is passed over in silence.

use strict;
use warnings;

use File::Path qw(make_path);
use Test::More;

use RD::Place qw(prefix spew top);

my $objs = prefix() . '/objs';


# Compiles what is given (room/file => C) beside what is there, asks rooms.sh.

my %compiled;

sub rooms {
    my (%source) = @_;

    for my $name (sort keys %source) {
        my ($room, $file) = split m{/}, $name;

        next if ($compiled{$name} // '') eq $source{$name};
        $compiled{$name} = $source{$name};

        make_path("$objs/addon/$room");
        spew("$objs/$file.c", $source{$name});
        system('gcc', '-std=gnu89', '-w', '-c', "$objs/$file.c", '-o',
               "$objs/addon/$room/$file.o") == 0 or die "gcc $name";
    }

    for my $name (grep { !exists $source{$_} } keys %compiled) {
        unlink "$objs/addon/$name.o";
        delete $compiled{$name};
    }

    my $out = `'@{[top()]}/tools/rooms.sh' '$objs' 2>&1`;
    return ($? >> 8, $out);
}

my %clean = (
    'base/ngx_rd_text'     => 'void ngx_rd_text_cut(void) {}',
    'base/ngx_rd_json'     => 'void ngx_rd_json_a(void) { cJSON_Parse(); }',
    'redis/ngx_rd_redis'   => 'void ngx_rd_redis_call(void)
                               { ngx_rd_text_cut(); redisReaderFeed(); }',
    'session/ngx_rd_claim' => 'void ngx_rd_claim_start(void)
                               { ngx_rd_redis_call(); ngx_palloc(); }',
    'work/ngx_rd_ssh'      => 'void ngx_rd_ssh_open(void)
                               { libssh2_init(); poll(); }',
    'work/ngx_rd_deadline' => 'void ngx_rd_deadline_poll(void) { poll(); }
                               void ngx_rd_deadline_cut(void) {}',
    'work/ngx_rd_job'      => 'void ngx_rd_job_start(void)
                               { ngx_event_add(); pthread_self();
                                 ngx_rd_deadline_cut(); }',
    'http/ngx_rd_gate'     => 'void ngx_rd_gate_handler(void)
                               { ngx_http_x(); ngx_rd_claim_start(); }',
    'clone/ngx_rd_ssh_pool' => 'void ngx_rd_ssh_pool_get(void)
                                { ngx_rd_ssh_open(); pthread_self(); }',
    'clone/ngx_rd_module'  => 'int ngx_rd_module; void ngx_rd_module_x(void)
                               { ngx_rd_job_start(); ngx_http_x(); }',
);

my ($status, $out) = rooms(%clean);
is($status, 0, 'a clean tree passes') or diag($out);
is($out, '', '... in silence');

# [what is planted, file, body, what is said]
my @breaches = (
    ['a name that is no address', 'base/ngx_rd_text', 'void trim(void) {}',
     'base/ngx_rd_text.c: trim is not called ngx_rd_text_*'],
    ['sleep on the event loop', 'http/ngx_rd_reply', 'usleep();',
     'http/ngx_rd_reply.c: usleep may block the event loop'],
    ['a look-up on the event loop', 'session/ngx_rd_claim', 'getaddrinfo();',
     'session/ngx_rd_claim.c: getaddrinfo may block the event loop'],
    ['a fortified poll on the loop', 'clone/ngx_rd_module', '__poll_chk();',
     'ngx_rd_module.c: poll may block the event loop'],
    ['a mutex on the event loop', 'fleet/ngx_rd_host', 'pthread_mutex_lock();',
     'fleet/ngx_rd_host.c: pthread_mutex_lock may block the event loop'],
    ['a pool in a thread', 'work/ngx_rd_docker', 'ngx_pcalloc();',
     'work/ngx_rd_docker.c: ngx_pcalloc belongs to the event loop'],
    ['a timer in a hand', 'clone/ngx_rd_ssh_pool', 'ngx_event_timer();',
     'ngx_rd_ssh_pool.c: ngx_event_timer belongs to the event loop'],
    ['a request in work', 'work/ngx_rd_docker', 'ngx_http_finalize_request();',
     'work/ngx_rd_docker.c: ngx_http_finalize_request belongs to the event'],
    ['nginx in base', 'base/ngx_rd_text', 'ngx_palloc();',
     'base/ngx_rd_text.c: ngx_palloc is not pure'],
    ['a request in base', 'base/ngx_rd_text', 'ngx_http_x();',
     'base/ngx_rd_text.c: ngx_http_x is not pure'],
    ['an event in base', 'base/ngx_rd_text', 'ngx_event_x();',
     'base/ngx_rd_text.c: ngx_event_x is not pure'],
    ['a socket in base', 'base/ngx_rd_text', 'connect();',
     'base/ngx_rd_text.c: connect is not pure'],
    ['a thread in base', 'base/ngx_rd_text', 'pthread_create();',
     'base/ngx_rd_text.c: pthread_create is not pure'],
    ['a request in session', 'session/ngx_rd_claim', 'ngx_http_x();',
     'session/ngx_rd_claim.c: ngx_http_x has a request in its hand'],
    ['base knows redis', 'base/ngx_rd_text', 'ngx_rd_redis_call();',
     'base/ngx_rd_text.c: ngx_rd_redis_call lives in redis, which'],
    ['redis knows session', 'redis/ngx_rd_redis_x', 'ngx_rd_claim_start();',
     'redis/ngx_rd_redis_x.c: ngx_rd_claim_start lives in session, which'],
    ['redis knows http', 'redis/ngx_rd_redis_x', 'ngx_rd_gate_handler();',
     'redis/ngx_rd_redis_x.c: ngx_rd_gate_handler lives in http, which'],
    ['redis knows the face', 'redis/ngx_rd_redis_x', 'ngx_rd_module_x();',
     'redis/ngx_rd_redis_x.c: ngx_rd_module_x lives in root, which'],
    ['http knows the inside of work', 'http/ngx_rd_reply', 'ngx_rd_ssh_open();',
     'http/ngx_rd_reply.c: ngx_rd_ssh_open lives in work, which'],
    ['http reaches for a hand', 'http/ngx_rd_reply', 'ngx_rd_ssh_pool_get();',
     'http/ngx_rd_reply.c: ngx_rd_ssh_pool_get lives in hands, which'],
    ['session reaches for a hand', 'session/ngx_rd_claim',
     'ngx_rd_ssh_pool_get();',
     'session/ngx_rd_claim.c: ngx_rd_ssh_pool_get lives in hands, which'],
    ['the bridge waits as a thread does', 'work/ngx_rd_job',
     'ngx_rd_deadline_poll();',
     'work/ngx_rd_job.c: ngx_rd_deadline_poll lives in work, which'],
    ['the bridge knows session', 'work/ngx_rd_job', 'ngx_rd_claim_start();',
     'work/ngx_rd_job.c: ngx_rd_claim_start lives in session, which'],
    ['a function that was never written', 'http/ngx_rd_reply',
     'ngx_rd_reply_never();',
     'http/ngx_rd_reply.c: ngx_rd_reply_never is used, and is nowhere'],
    ['a hand knows session', 'clone/ngx_rd_ssh_pool', 'ngx_rd_claim_start();',
     'ngx_rd_ssh_pool.c: ngx_rd_claim_start lives in session, which'],
    ['TLS outside of its file', 'session/ngx_rd_claim', 'SSL_read();',
     'session/ngx_rd_claim.c: SSL_read is behind another door'],
    ['hiredis outside of redis', 'session/ngx_rd_claim', 'redisReaderFeed();',
     'session/ngx_rd_claim.c: redisReaderFeed is behind another door'],
    ['its reply too', 'identity/ngx_rd_who', 'freeReplyObject();',
     'identity/ngx_rd_who.c: freeReplyObject is behind another door'],
    ['libssh2 outside of ssh', 'clone/ngx_rd_ssh_pool', 'libssh2_init();',
     'ngx_rd_ssh_pool.c: libssh2_init is behind another door'],
    ['cJSON outside of json', 'base/ngx_rd_text', 'cJSON_Parse();',
     'base/ngx_rd_text.c: cJSON_Parse is behind another door'],
    ['libyaml outside of yaml', 'base/ngx_rd_text', 'yaml_parser_parse();',
     'base/ngx_rd_text.c: yaml_parser_parse is behind another door'],
    ['libcurl outside of https', 'clone/ngx_rd_aci', 'curl_easy_perform();',
     'ngx_rd_aci.c: curl_easy_perform is behind another door'],
);

for my $breach (@breaches) {
    my ($name, $file, $code, $said) = @$breach;

    my ($noun) = $file =~ m{/(.*)};
    $code = "void ${noun}_planted(void) { $code }" if $code !~ /^void/;

    ($status, $out) = rooms(%clean, $file => ($clean{$file} // '') . "\n$code");

    ok($status == 1 && $out =~ /^rooms: \Q$said\E/m, "$name is named")
        or diag("status $status\n$out");
}

($status, $out) = rooms();
is($status, 1, 'a tree without objects is no clean tree');
like($out, qr/make build first/, '... and what to do is said');

done_testing();


END {
    my $code = $?;
    RD::Place::leave($code || !Test::More->builder->is_passing);
    $? = $code;
}
