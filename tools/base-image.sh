#!/bin/sh
# base-image.sh SOCKET: see to it that the engine at SOCKET has the image
# debian:bookworm-slim: there already, pulled, or made here from the Debian
# archive, which is all that some networks can reach.  The tarball of the last
# way is kept in build/cache, so that a second engine needs no download.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
sock=${1:?usage: base-image.sh SOCKET}
image=debian:bookworm-slim
cache=${RD_CACHE:-$top/build/cache}
tarball=$cache/bookworm-minbase.tar
new=$cache/bookworm-minbase.new.tar
pull_seconds_max=20         # a registry that answers at all has begun by then

. "$top/tools/progress.sh"

say() { echo "base-image: $*" >&2; }

docker() { command docker -H "unix://$sock" "$@"; }

has_image() { docker image inspect "$image" >/dev/null 2>&1; }

if has_image; then
    exit 0
fi

if [ ! -f "$tarball" ]; then
    say "pulling $image, for $pull_seconds_max s at most"

    if timeout $pull_seconds_max docker -H "unix://$sock" pull -q "$image" \
        >/dev/null 2>&1
    then
        exit 0
    fi

    say "$image cannot be pulled; it is made from the Debian archive, which" \
        "takes some minutes; the log is $cache/mmdebstrap.log"
fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

if [ ! -f "$tarball" ]; then
    : > "$cache/mmdebstrap.log"

    if ! with_progress base-image "$cache/mmdebstrap.log" \
        mmdebstrap --variant=minbase --dpkgopt="$top/image/dpkg.cfg" \
        bookworm "$new"
    then
        say "mmdebstrap failed; the end of $cache/mmdebstrap.log:"
        tail -5 "$cache/mmdebstrap.log" >&2
        rm -f "$new"
        exit 1
    fi

    mv "$new" "$tarball"
fi

docker import - "$image" < "$tarball" > /dev/null
say "$image was imported"
