#!/bin/sh
# image-load.sh SOCKET: puts the desktop image into the engine at SOCKET from a
# tarball of an earlier build, which is made first when there is none.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
sock=${1:?usage: image-load.sh SOCKET}
name=ctfd-remote-desktop:latest
cache=${RD_CACHE:-$top/build/cache}
sum=$("$top/tools/image.sh" --sum)
tar=$cache/desktop-$sum.tar

mkdir -p "$cache"
exec 9> "$cache/desktop.lock"
flock 9

label() {
    docker -H "unix://$sock" image inspect \
        -f '{{index .Config.Labels "rd.files"}}' "$name" 2>/dev/null || true
}

if [ "$(label)" = "$sum" ]; then
    exit 0
fi

if [ -f "$tar" ]; then
    echo "image: loading $tar" >&2
    exec docker -H "unix://$sock" load -q -i "$tar" > /dev/null
fi

"$top/tools/image.sh" "$sock" "$name"

rm -f "$cache"/desktop-*.tar
docker -H "unix://$sock" save -o "$tar.new" "$name"
mv "$tar.new" "$tar"
