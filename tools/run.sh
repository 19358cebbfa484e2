#!/bin/bash
# run.sh: everything a developer needs to press Start, in the foreground: Redis,
# the Docker engine when none runs, the desktop image, a stand-in for CTFd's
# login, and nginx with conf/dev.conf.  Ctrl-C (or TERM) stops all of it, the
# desktops of this site included, and nothing else.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${RD_BUILD:-$top/build}
socket=/var/run/docker.sock
engine_lock=/run/lock/rd-engine-users
listen=127.0.0.1:8080
site=dev                        # as conf/dev.conf says

say() { echo "run: $*" >&2; }

die() { say "$*"; exit 1; }


# pids of what was started here, in the order in which it has to stop
nginx_pid='' login_pid='' redis_pid='' engine_pid=''

# In a function that a trap calls, a bare "return" gives the status from before
# the trap, and set -e ends the clean-up: here every return has its status.
stop() {
    local status=$?
    trap '' INT TERM HUP
    trap - EXIT
    set +e

    if [ -n "$nginx_pid$login_pid$redis_pid$engine_pid" ]; then
        say "stopping"
    fi

    # nginx first, so that nothing creates a container any more
    end "$nginx_pid" nginx
    remove_desktops
    end "$login_pid" login
    end "$redis_pid" redis-server
    end_engine

    exit $status
}


end() {
    local pid=$1 left=150

    if [ -z "$pid" ] || ! kill -TERM "$pid" 2>/dev/null; then
        return 0
    fi

    while kill -0 "$pid" 2>/dev/null; do
        left=$((left - 1))

        if [ $left = 0 ]; then
            say "$2 (pid $pid) does not end, killing it"
            kill -KILL "$pid" 2>/dev/null || true
        fi

        sleep 0.1
    done
}


# The engine stays when others have begun to use it: another make run, which
# holds the lock as well, a container of whatever state, or an open connection
# (a build, a stream of events).
end_engine() {
    local users

    if [ -z "$engine_pid" ]; then
        return 0
    fi

    if ! flock -n -x 8; then
        users="another make run"
    elif [ -n "$(docker -H "unix://$socket" ps -aq 2>/dev/null)" ]; then
        users="containers of others"
    elif [ -n "$(ss -xH state connected "src $socket" 2>/dev/null)" ]; then
        users="open connections"
    else
        end "$engine_pid" dockerd
        return 0
    fi

    say "the Docker engine (pid $engine_pid) stays for $users;" \
        "to stop it: kill $engine_pid"
}


remove_desktops() {
    local left
    left=$(docker -H "unix://$socket" ps -aq --filter "label=rd.site=$site" \
        2>/dev/null) || return 0

    if [ -n "$left" ]; then
        say "removing $(wc -w <<< "$left") desktop(s)"
        # shellcheck disable=SC2086
        docker -H "unix://$socket" rm -fv $left >/dev/null 2>&1 || \
            say "not all of them could be removed: docker ps -a"
    fi
}


# until WHAT LOG PID COMMAND...: waits until COMMAND succeeds
until_ready() {
    local what=$1 log=$2 pid=$3 left=150
    shift 3

    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))

        if [ $left = 0 ] || ! kill -0 "$pid" 2>/dev/null; then
            say "$what did not come up; the end of its log:"
            tail -5 "$log" >&2
            exit 1
        fi

        sleep 0.1
    done
}


port_is_taken() {
    (exec 3<>"/dev/tcp/${listen%:*}/${listen#*:}") 2>/dev/null
}


# setsid: Ctrl-C is for this script alone, which stops the others in order;
# 8 and 9: they must not hold the locks when this script is gone

start_redis() {
    rm -f redis.sock
    setsid redis-server --port 0 --unixsocket redis.sock \
        --unixsocketperm 700 --dir . --save '' --appendonly no \
        > redis.log 2>&1 < /dev/null 8>&- 9>&- &
    redis_pid=$!
    until_ready redis-server redis.log $redis_pid \
        redis-cli -s redis.sock ping
}


start_login() {
    rm -f login.sock
    setsid "$build/venv/bin/python" "$top/tools/login/login.py" \
        --listen unix:login.sock --redis unix:redis.sock \
        --secret-file conf/secret --site "$site" \
        > login.log 2>&1 < /dev/null 8>&- 9>&- &
    login_pid=$!
    until_ready "the login" login.log $login_pid test -S login.sock
}


start_nginx() {
    setsid /usr/sbin/nginx -p "$run/" -c conf/dev.conf -e error.log \
        -g 'daemon off; pid nginx.pid; error_log error.log notice;' \
        2> nginx.stderr < /dev/null 8>&- 9>&- &
    nginx_pid=$!
    until_ready nginx nginx.stderr $nginx_pid port_is_taken
}


[ "$(id -u)" = 0 ] || [ -w $socket ] || \
    die "this needs root, or an account that may use Docker"

mkdir -p "$build/run"
run=$(cd "$build/run" && pwd)

exec 9>"$run/lock"
flock -n 9 || die "another make run of this folder is still there"

if port_is_taken; then
    die "something listens on $listen already; stop it, or change \"listen\"" \
        "in conf/dev.conf and listen= in tools/run.sh"
fi

trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

"$top/tools/deps.sh" "$build"
"$top/tools/build.sh" "$build"
"$top/tools/prefix.sh" "$run" "$build"

cd "$run"

# held, shared, by every make run that uses the engine
exec 8>>"$engine_lock"
flock -s 8

engine_pid=$("$top/tools/engine.sh" "$build/engine" 8>&-)
"$top/tools/image-load.sh" "$socket"

# Redis starts empty, so desktops of a run that was killed belong to nobody
remove_desktops

start_redis
start_login
start_nginx

cat << END

  http://$listen/remote-desktop

  Redis    pid $redis_pid   redis-cli -s $run/redis.sock
  login    pid $login_pid   http://$listen/login
  Docker   ${engine_pid:+pid $engine_pid   }unix://$socket
  nginx    pid $nginx_pid   $run/error.log

  Ctrl-C stops all of it.

END

# whoever ends first ends all
status=0
wait -n "$nginx_pid" "$login_pid" "$redis_pid" || status=$?
die "something ended by itself (status $status); the logs are in $run"
