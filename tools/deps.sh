#!/bin/bash
# deps.sh [BUILD [site]]: what building, running and testing need on a fresh
# Debian 12 or 13, and no more: Debian packages that are missing, the npm
# packages of web/package-lock.json in BUILD/node, Python's of
# tools/login/requirements.txt in BUILD/venv.  With "site" only what building
# and `make install` need.  Quick when all is there.  Starts no service.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
what=${2:-all}

build_needs="gcc make dpkg-dev binutils nginx nginx-dev libhiredis-dev
    libssh2-1-dev libyaml-dev libcjson-dev libssl-dev"
run_needs="redis-server openssh-client docker.io iptables iproute2 mmdebstrap
    python3 python3-venv ca-certificates"
test_needs="perl libtest-base-perl libtext-diff-perl openssh-server util-linux
    procps curl openssl chromium clang libclang-rt-dev valgrind git prometheus
    python3-websockets"
bench_needs="wrk"

. "$top/tools/progress.sh"

say() { echo "deps: $*" >&2; }

die() { say "$*"; exit 1; }


installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}


missing_packages() {
    local needs=$build_needs

    if [ "$what" = all ]; then
        needs="$needs $run_needs $test_needs $bench_needs"
    fi

    for package in $needs; do
        installed "$package" || echo "$package"
    done

    # any node will do, also one that is no Debian package
    command -v npm >/dev/null && command -v node >/dev/null || \
        echo nodejs npm

    [ "$what" = all ] || return 0

    # from Debian 13 on the docker command is a package of its own
    command -v docker >/dev/null || docker_cli
}


# only apt knows whether there is such a package, and only after an update
docker_cli() {
    if apt-cache show docker-cli >/dev/null 2>&1; then
        echo docker-cli
    fi
}


# Packages of Debian start their services when they are installed; this policy
# forbids it for as long as this script runs.
forbid_services() {
    policy=/usr/sbin/policy-rc.d
    kept=$(mktemp)

    if [ -e $policy ]; then
        as_root cp -p $policy "$kept"
    else
        rm "$kept"
    fi

    trap allow_services EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
    as_root chmod 755 $policy
}


allow_services() {
    if [ -e "$kept" ]; then
        as_root cp -p "$kept" $policy
        rm -f "$kept"
    else
        as_root rm -f $policy
    fi
    trap - EXIT
}


as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}


install_packages() {
    local missing
    missing=$(missing_packages | xargs)

    # not one look at apt when nothing is missing
    if [ -z "$missing" ]; then
        return
    fi

    command -v apt-get >/dev/null || \
        die "these Debian packages are missing, and this is no Debian: $missing"

    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        die "these packages are missing: $missing; run this as root, or" \
            "install sudo"
    fi

    say "installing $missing"
    say "this takes some minutes; the log is $build/apt.log"
    as_root apt-get -qq update || \
        say "apt-get update failed; trying with the lists that are there"
    missing=$(missing_packages | xargs)

    forbid_services
    : > "$build/apt.log"
    # shellcheck disable=SC2086
    with_progress deps "$build/apt.log" \
        as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends $missing \
        < /dev/null || {
            tail -20 "$build/apt.log" >&2
            die "apt-get could not install: $missing"
        }
    allow_services
}


# made FILES... : succeeds when stamp $stamp was made of just these files
made() {
    sum=$(cat "$@" | sha1sum | cut -d' ' -f1)
    [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]
}


install_node() {
    local omit=
    stamp=$build/node/installed

    made "$top/web/package.json" "$top/web/package-lock.json" && return

    # without the tests' packages
    if [ "$what" = site ]; then
        stamp=$stamp-site
        made "$top/web/package.json" "$top/web/package-lock.json" && return
        omit=--omit=dev
    fi

    say "npm packages into $build/node"
    mkdir -p "$build/node"
    cp "$top/web/package.json" "$top/web/package-lock.json" "$build/node/"
    : > "$build/npm.log"
    # the browser is Debian's
    with_progress deps "$build/npm.log" \
        env -C "$build/node" PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 \
        npm ci $omit --ignore-scripts --no-audit --no-fund --loglevel=error \
        < /dev/null || {
        tail -20 "$build/npm.log" >&2
        die "npm ci failed"
    }
    echo "$sum" > "$stamp"
}


make_venv() {
    /usr/bin/python3 -m venv "$build/venv" && \
    "$build/venv/bin/pip" install -q --disable-pip-version-check \
        -r "$top/tools/login/requirements.txt"
}


install_venv() {
    stamp=$build/venv/installed

    made "$top/tools/login/requirements.txt" && return

    say "Python packages into $build/venv"
    rm -rf "$build/venv"
    : > "$build/pip.log"
    with_progress deps "$build/pip.log" make_venv < /dev/null || {
        tail -20 "$build/pip.log" >&2
        die "pip install failed"
    }
    echo "$sum" > "$stamp"
}


mkdir -p "$build"
build=$(cd "$build" && pwd)

# two at once would tread on each other; flock is in util-linux, always there
exec 9>"$build/deps.lock"
flock 9

install_packages
install_node
[ "$what" = site ] || install_venv
