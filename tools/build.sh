#!/bin/sh
# build.sh BUILD: the dynamic module against Debian's nginx-dev, in BUILD/objs.
# Nothing is written outside BUILD.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
nginx_src=${NGINX_SRC:-/usr/share/nginx/src}

if [ ! -x "$nginx_src/configure" ]; then
    echo "build: no nginx headers in $nginx_src; on Debian: make deps" >&2
    exit 1
fi

mkdir -p "$build"
build=$(cd "$build" && pwd)
objs=$build/objs

# a new or vanished source, script or config means: configure again
list=$(cd "$top" && ls config ./*.c ./*.h src/*.h src/*/*.c src/*/*.h; \
       cat "$top"/config "$top"/tools/lua2c.sh "$top"/tools/prelude.awk \
           "$top"/src/redis/lua/*.lua)
sum=$(printf '%s' "$list" | sha1sum | cut -d' ' -f1)

have=$(cat "$objs/configured" 2>/dev/null || true)

if [ ! -f "$objs/Makefile" ] || [ "$have" != "$sum" ]; then
    mkdir -p "$objs"
    if ! (
        cd "$nginx_src"
        bash -c '
            . ./conf_flags
            ./configure \
                --with-cc-opt="$(dpkg-buildflags --get CFLAGS) -fPIC \
                    $(dpkg-buildflags --get CPPFLAGS)" \
                --with-ld-opt="$(dpkg-buildflags --get LDFLAGS) -fPIC" \
                "${NGX_CONF_FLAGS[@]}" \
                --add-dynamic-module="$1" --builddir="$2"' - "$top" "$objs"
    ) > "$objs/configure.log" 2>&1; then
        grep -B1 -A1 'ngx_rd:' "$objs/configure.log" >&2 || \
            tail -20 "$objs/configure.log" >&2
        exit 1
    fi
    printf '%s' "$sum" > "$objs/configured"
fi

exec make -s -j"$(nproc)" -f "$objs/Makefile" -C "$nginx_src" modules
