#!/bin/sh
# image.sh SOCKET [NAME]: build the desktop image of image/ on the engine at
# SOCKET as NAME, by default ctfd-remote-desktop:latest.  When the engine has
# one made from the very same files, nothing is done.
# image.sh --sum: print the checksum of those files.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
usage="usage: image.sh SOCKET [NAME], or image.sh --sum"
name=${2:-ctfd-remote-desktop:latest}
cache=${RD_CACHE:-$top/build/cache}
log=$cache/image.log
tarball=$cache/image.new.tar

# names the files the image is made from; a label of the image, too
sum=$(cd "$top/image" && \
    find Dockerfile dpkg.cfg packages install root -type f \
        -exec sha1sum {} + | sort -k2 | sha1sum | cut -d' ' -f1)

if [ "${1:?$usage}" = --sum ]; then
    echo "$sum"
    exit 0
fi

sock=$1
. "$top/tools/progress.sh"

say() { echo "image: $*" >&2; }

docker() { command docker -H "unix://$sock" "$@"; }

packages() { sed '/^#/d' "$top/image/packages"; }

build() {
    "$top/tools/base-image.sh" "$sock" || return

    # the engine's own builder: the other one is not in Debian 12.  The network
    # of the machine: the engine's bridge may lead nowhere.
    with_progress image "$log" env DOCKER_BUILDKIT=0 \
        docker -H "unix://$sock" build --network host \
        --label "rd.files=$sum" --force-rm -t "$name" "$top/image"
}

# an image without a name is of no use to anybody; one in use stays
forget_old() {
    if [ -n "$old" ]; then
        docker rmi "$old" > /dev/null 2>&1 || true
    fi
}

# without a container, for engines that cannot reach the network in a build.
# Not in a pipe: the engine imports the nothing of a failed mmdebstrap as well.
bootstrap() {
    with_progress image "$log" \
        mmdebstrap --variant=minbase \
        --dpkgopt="$top/image/dpkg.cfg" \
        --include="$(packages | paste -sd,)" \
        --customize-hook="copy-in '$top/image/install' /tmp" \
        --customize-hook='chroot "$1" sh /tmp/install' \
        --customize-hook='rm "$1/tmp/install"' \
        --customize-hook="tar -C '$top/image/root' --owner=0 --group=0 -c . \
            | tar -C \"\$1\" --no-overwrite-dir -x" \
        bookworm "$tarball" \
    && docker import --change "LABEL rd.files=$sum" \
        --change 'LABEL rd.terminal.port=7682' \
        --change 'EXPOSE 22 5900 6080 7682' \
        --change 'ENTRYPOINT ["/usr/local/bin/rd-desktop"]' \
        "$tarball" "$name" >> "$log" 2>&1
}


have=$(docker image inspect -f '{{index .Config.Labels "rd.files"}}' \
    "$name" 2>/dev/null || true)

if [ "$have" = "$sum" ]; then
    exit 0
fi

old=$(docker image inspect -f '{{.Id}}' "$name" 2>/dev/null || true)

mkdir -p "$cache"
say "building $name, which takes some minutes; the log is $log"
: > "$log"

if [ "${RD_IMAGE_WAY:-build}" = build ]; then
    if build; then
        forget_old
        say "$name was built"
        exit 0
    fi

    say "docker build failed, trying without a container; see $log"
fi

if ! bootstrap; then
    rm -f "$tarball"
    say "$name could not be made; the end of $log:"
    tail -5 "$log" >&2
    exit 1
fi

rm -f "$tarball"
forget_old
say "$name was made by mmdebstrap"
