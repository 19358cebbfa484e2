#!/bin/sh
# headers.sh DIR: prints a folder that holds a finished ngx_auto_config.h: the
# build's own when it is configured, else DIR/objs, made here from nginx-dev
# without the module (pure code needs nginx's types, not its functions).
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${RD_BUILD:-$top/build}
nginx_src=${NGINX_SRC:-/usr/share/nginx/src}
objs=$1/objs

# written last by build.sh, hence a half configured folder is not taken

if [ -f "$build/objs/configured" ]; then
    echo "$build/objs"
    exit 0
fi

if [ ! -f "$objs/configured" ]; then

    if [ ! -x "$nginx_src/configure" ]; then
        echo "headers: no nginx headers in $nginx_src; on Debian: make deps" >&2
        exit 1
    fi

    mkdir -p "$objs"

    (
        cd "$nginx_src"
        bash -c '
            . ./conf_flags
            ./configure "${NGX_CONF_FLAGS[@]}" --builddir="$1"' - "$objs"
    ) > "$objs/configure.log" 2>&1 || {
        tail -20 "$objs/configure.log" >&2
        exit 1
    }

    : > "$objs/configured"
fi

echo "$objs"
