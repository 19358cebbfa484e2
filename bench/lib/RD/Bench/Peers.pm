package RD::Bench::Peers;

# Those the gate is compared with, in a folder of their own: nothing of them is
# installed.  lua-nginx is Debian's, unpacked; Flask and gunicorn are in a venv.

use strict;
use warnings;

use Digest::SHA qw(sha1);
use File::Path qw(make_path);

use RD::Bench;
use RD::Bench::Gate;
use RD::Bench::Nginx;
use RD::Bench::Process;
use RD::Place qw(build_dir prefix slurp socket_path spew top wait_until);

my @lua_packages = qw(libnginx-mod-http-lua libnginx-mod-http-ndk
    lua-resty-core lua-resty-lrucache libluajit2-5.1-2 libpcre3);

my @python_packages = qw(flask gunicorn gevent packaging redis
    itsdangerous);


# ---- lua-nginx -------------------------------------------------------------

# the same locations as ours, decided by bench/peers/gate.lua

sub lua {
    my ($port, @visitors) = @_;

    my $root = _lua_root();
    my $file = prefix() . '/conf/gate.lines';
    my $key = prefix() . '/conf/gate.key';
    my $decision = 'set $backend ""; '
        . 'access_by_lua_block { gate.decide(ngx.var[1]) }';
    my $expires = 1000 * time + 3600_000;
    my $path = join ';', map { "$_/?.lua" } top() . '/bench/peers',
                                            "$root/usr/share/lua/5.1";

    spew($file, join '', map {
        (my $sid = $_->{cookie}) =~ s/\..*//;
        "$sid $_->{id} ready $expires 127.0.0.1:$port\n";
    } @visitors);

    # what itsdangerous derives from CTFd's key
    spew($key, sha1('itsdangerous.Signer' . 'signer' . $RD::Visitor::Secret));

    local $ENV{LD_LIBRARY_PATH} = join ':',
        map { "$root/$_/x86_64-linux-gnu" } qw(usr/lib lib);

    return RD::Bench::Nginx->start(name => 'lua', cpu => 0, module => 0,
        load => ["$root/usr/lib/nginx/modules/ndk_http_module.so",
                 "$root/usr/lib/nginx/modules/ngx_http_lua_module.so"],
        http => upstream() . <<"END", server => locations($decision));
    lua_package_path "$path;;";
    lua_shared_dict gate 16m;

    init_by_lua_block {
        gate = require "gate"
        local key = io.open("$key", "rb")
        gate.fill("$file", key:read("a"))
        key:close()
    }
END
}


sub _lua_root {
    my $dir = build_dir() . '/bench/lua';
    my $root = "$dir/root";

    return $root if -f "$dir/done";

    make_path($root);
    _shell("cd '$dir' && apt-get -qq download @lua_packages "
           . "&& for deb in *.deb; do dpkg -x \"\$deb\" root; done",
           "$dir/log");
    spew("$dir/done", "@lua_packages\n");

    return $root;
}


# ---- Python ----------------------------------------------------------------

# (nginx that asks gunicorn for every request, pid of the one gunicorn worker)

sub python {
    my (@visitors) = @_;

    my $venv = _venv();
    my $socket = socket_path('gunicorn.sock');
    my $base = prefix() . '/conf/check.sqlite';

    local $ENV{BENCH_REDIS} = redis()->socket;
    local $ENV{BENCH_SECRET} = secret_file();
    local $ENV{BENCH_SITE} = site();
    local $ENV{BENCH_SQL} = $base;

    spew("$base.users", join '', map { "$_->{id} $_->{name}\n" } @visitors);
    _shell("'$venv/bin/python' '@{[top()]}/bench/peers/base.py' '$base'",
           "$base.log");

    my $gunicorn = RD::Bench::Process->start('gunicorn', 'taskset', '-c', 1,
        "$venv/bin/gunicorn", '-w', 1, '-k', 'gevent', '-b', "unix:$socket",
        '--chdir', top() . '/bench/peers', '--keep-alive', 60, 'check:app');

    wait_until(15, sub { -S $socket })
        or die 'gunicorn did not start: '
               . ((grep { /Error/ } split /\n/, $gunicorn->log)[-1] // '')
               . "\n";

    my $nginx = RD::Bench::Nginx->start(name => 'python', cpu => 0,
        module => 0,
        http => "    upstream python { server unix:$socket; keepalive 100; }\n",
        server => <<'END');
        location ~ ^/said/([0-9]+)/ {
            set $owner $1;
            auth_request /check;
            empty_gif;
        }
        location = /check {
            internal;
            proxy_pass http://python;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-User-ID $owner;
            proxy_pass_request_body off;
        }
END

    my ($worker) = split ' ', slurp(sprintf '/proc/%d/task/%1$d/children',
                                    $gunicorn->pid);

    return ($nginx, $worker // die "gunicorn has no worker\n");
}


sub _venv {
    my $dir = build_dir() . '/bench/venv';

    return $dir if -f "$dir/done";

    make_path($dir);
    _shell("/usr/bin/python3 -m venv '$dir' && '$dir/bin/pip' install -q "
           . "--disable-pip-version-check @python_packages", "$dir.log");
    spew("$dir/done", "@python_packages\n");

    return $dir;
}


# dies with the end of its log, which a figure then gives as its reason

sub _shell {
    my ($script, $log) = @_;

    return if system('sh', '-c', "{ $script; } > '$log' 2>&1 < /dev/null") == 0;

    my @lines = split /\n/, slurp($log);
    die 'a peer could not be made: ' . ($lines[-1] // 'no word why') . "\n";
}


1;
