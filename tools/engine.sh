#!/bin/sh
# engine.sh DIR: see to it that a Docker engine answers on DOCKER_SOCKET
# (default /var/run/docker.sock).  When none does, dockerd is started in the
# background, with its log and pid file in DIR; then, and only then, its pid is
# printed on stdout, so that the caller can stop what it started.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:-$top/build/engine}
sock=${DOCKER_SOCKET:-/var/run/docker.sock}

say() { echo "engine: $*" >&2; }

answers() {
    [ -S "$sock" ] && \
        timeout 5 docker -H "unix://$sock" version >/dev/null 2>&1
}

if answers; then
    say "a Docker engine answers on $sock"
    exit 0
fi

if [ "$(id -u)" != 0 ]; then
    say "no Docker engine answers on $sock, and only root can start one"
    exit 1
fi

if ! command -v dockerd >/dev/null; then
    say "dockerd is not installed; on Debian: make deps"
    exit 1
fi

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

# two starts at once must not become two engines
exec 9>"$dir/lock"
flock -w 60 9

if answers; then
    say "a Docker engine answers on $sock"
    exit 0
fi

# a session of its own: Ctrl-C in the terminal is for the caller, who has to
# remove containers before the engine may go
setsid dockerd -H "unix://$sock" -p "$dir/pid" \
    > "$dir/log" 2>&1 < /dev/null 9>&- &
pid=$!
trap 'kill $pid; exit 1' INT TERM HUP

left=300
until answers; do
    left=$((left - 1))

    if [ $left = 0 ] || ! kill -0 $pid 2>/dev/null; then
        say "dockerd did not come up; the end of $dir/log:"
        tail -5 "$dir/log" >&2
        kill $pid 2>/dev/null || true
        exit 1
    fi

    sleep 0.1
done

say "a Docker engine was started, its log is $dir/log"
cat "$dir/pid"
