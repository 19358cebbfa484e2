#!/bin/sh
# image-load.sh SOCKET: puts the desktop image into the engine at SOCKET from a
# tarball of an earlier build, which is made first when there is none.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
sock=${1:?usage: image-load.sh SOCKET}
name=ctfd-remote-desktop:latest
cache=${RD_CACHE:-$top/build/cache}
sum=$(cd "$top/image" && find . -type f ! -name '*.md' -exec sha1sum {} + \
    | sort -k2 | sha1sum | cut -c1-12)
tar=$cache/desktop-$sum.tar

mkdir -p "$cache"
exec 9> "$cache/desktop.lock"
flock 9

if [ -f "$tar" ]; then
    exec docker -H "unix://$sock" load -q -i "$tar" > /dev/null
fi

"$top/tools/image.sh" "$sock" "$name"

rm -f "$cache"/desktop-*.tar
docker -H "unix://$sock" save -o "$tar.new" "$name"
mv "$tar.new" "$tar"
