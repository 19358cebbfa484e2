#!/bin/sh
# test-image.sh SOCKET [BUILD]: puts the small desktop of the tests
# (t/fake/desktop.c) as image rd-test-desktop:latest into the Docker engine
# that listens on the unix socket SOCKET.  Needs no registry.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
socket=${1:?usage: test-image.sh SOCKET [BUILD]}
build=${2:-$top/build}/test-image
src=$top/t/fake

mkdir -p "$build"

# several test files may come here at once: the last rename wins
if [ ! -f "$build/desktop.tar" ] || [ -n "$(find "$src/desktop.c" \
    "$src"/websocket.[ch] -newer "$build/desktop.tar")" ]
then
    tmp=$(mktemp -d "$build/tmp.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    ${CC:-gcc} -O2 -Wall -Werror -static -s -o "$tmp/desktop" \
        "$src/desktop.c" "$src/websocket.c"
    tar -C "$tmp" --owner=0 --group=0 -cf "$tmp/desktop.tar" desktop
    mv "$tmp/desktop.tar" "$build/desktop.tar"
fi

docker -H "unix://$socket" import \
    --change 'CMD ["/desktop"]' \
    --change 'EXPOSE 5900 6080' \
    "$build/desktop.tar" rd-test-desktop:latest > /dev/null
