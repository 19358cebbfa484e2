#!/bin/sh
# build-probe.sh [BUILD]: the test-only module, BUILD/probe/*.so.
# Nothing is written outside BUILD.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$top/build}
nginx_src=${NGINX_SRC:-/usr/share/nginx/src}

if [ ! -x "$nginx_src/configure" ]; then
    echo "build-probe: no nginx headers in $nginx_src; on Debian: make deps" >&2
    exit 1
fi

mkdir -p "$build/probe"
objs=$(cd "$build/probe" && pwd)

# a new or vanished source or config means: configure again
sum=$(cd "$top" && { ls src/redis/*.[ch] src/fleet/*.h src/base/*.[ch]
                     cat t/module/config tools/build-probe.sh; } \
      | sha1sum | cut -d' ' -f1)

exec 9> "$objs/lock"
flock 9         # test files run in parallel

if [ ! -f "$objs/Makefile" ] || \
   [ "$(cat "$objs/configured" 2>/dev/null)" != "$sum" ]
then
    if ! (
        cd "$nginx_src"
        bash -c '
            . ./conf_flags
            NGX_RD_PROBE_HIREDIS=${HIREDIS_LIBS:--lhiredis} \
            ./configure \
                --with-cc-opt="${HIREDIS_CFLAGS:-} \
                    $(dpkg-buildflags --get CFLAGS) -fPIC \
                    $(dpkg-buildflags --get CPPFLAGS)" \
                --with-ld-opt="$(dpkg-buildflags --get LDFLAGS) -fPIC" \
                "${NGX_CONF_FLAGS[@]}" \
                --add-dynamic-module="$1" --builddir="$2"' \
                - "$top/t/module" "$objs"
    ) > "$objs/configure.log" 2>&1; then
        tail -20 "$objs/configure.log" >&2
        exit 1
    fi
    printf '%s' "$sum" > "$objs/configured"
fi

make -s -j2 -f "$objs/Makefile" -C "$nginx_src" modules 9>&-
