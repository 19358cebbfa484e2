#!/bin/bash
# asan.sh [PATH...]: the suites under an nginx with AddressSanitizer and UBSan.
#
# Sanitizers need nginx itself built with them, and the module linked into it.
# nginx's source comes from Debian's source package of the same version as the
# nginx installed; it is kept in build/asan.  Where it cannot be had the same
# suites run under valgrind with the stock nginx.  Which one is said.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
build=${RD_BUILD:-$top/build}
asan=$build/asan

say() { echo "asan: $*"; }


# A deb-src copy of the machine's own sources, for this command alone: nothing
# is written to /etc or to apt's lists.
fetch_source() {
    local version=$1 list=$asan/apt/src.sources
    local -a options

    mkdir -p "$asan/apt/lists/partial" "$asan/apt/archives/partial"

    if ls /etc/apt/sources.list.d/*.sources >/dev/null 2>&1; then
        awk 'FNR == 1 { print "" } { print }' \
            /etc/apt/sources.list.d/*.sources \
            | sed 's/^Types:.*/Types: deb-src/' > "$list"
    else
        list=$asan/apt/src.list
        sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > "$list"
    fi

    options=(-qq
        -o "Dir::Etc::sourcelist=$list"
        -o "Dir::Etc::sourceparts=/dev/null"
        -o "Dir::State::lists=$asan/apt/lists"
        -o "Dir::Cache=$asan/apt"
        -o "Dir::Cache::archives=$asan/apt/archives"
        -o "APT::Sandbox::User=root"
        -o "Acquire::Languages=none")

    (
        cd "$asan/apt"
        apt-get "${options[@]}" update &&
        apt-get "${options[@]}" source --tar-only --download-only nginx
    ) > "$asan/fetch.log" 2>&1 < /dev/null || true

    [ -f "$asan/apt/nginx_$version.orig.tar.gz" ]
}


have_source() {
    local version
    version=$(/usr/sbin/nginx -v 2>&1 | sed 's/.*nginx\///; s/ .*//')
    src=$asan/nginx-$version

    [ -f "$src/src/core/nginx.c" ] && return

    mkdir -p "$asan"
    fetch_source "$version" || return 1

    mkdir -p "$src"
    tar -xzf "$asan/apt/nginx_$version.orig.tar.gz" -C "$src" \
        --strip-components=1
}


# UBSan reads its environment at its first report; by then nginx has written
# its title over it.  So its options are linked in.
ubsan_options() {
    cat <<END
const char *__ubsan_default_options(void);

const char *
__ubsan_default_options(void)
{
    return "print_stacktrace=1:suppressions=$top/tools/ubsan.supp";
}
END
}


# build_nginx DIR MODULE: DIR/nginx, with MODULE linked into it.
#
# -fno-sanitize=nonnull-attribute: nginx's own ngx_string.c copies 0 bytes from
# NULL.  NGX_DEBUG_PALLOC makes every palloc a malloc, so that running over the
# end of one is seen.
build_nginx() {
    local objs=$1 module=$2 sum
    local flags="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined"

    # a new or vanished file, or another configure line: configure again
    sum=$(cd "$top" && { ls ./*.[ch] src/*.h src/*/*.[ch] t/module/*.[ch]
                         cat "$module/config" src/redis/lua/*.lua \
                             tools/asan.sh; } | sha1sum)

    if [ "$(cat "$objs/configured" 2>/dev/null)" != "$sum" ]; then
        mkdir -p "$objs"
        ubsan_options > "$objs/ubsan.c"
        gcc -c "$objs/ubsan.c" -o "$objs/ubsan.o"
        (
            cd "$src"
            NGX_RD_PROBE_HIREDIS=-lhiredis \
            ./configure --builddir="$objs" --prefix="$asan/prefix" \
                --with-compat --with-debug --with-threads \
                --with-http_gzip_static_module \
                --with-http_ssl_module --with-http_v2_module \
                --with-http_auth_request_module --with-http_stub_status_module \
                --with-cc-opt="$flags -fno-sanitize=nonnull-attribute \
                    -DNGX_DEBUG_PALLOC=1 -DNGX_SUPPRESS_WARN=1" \
                --with-ld-opt="-fsanitize=address,undefined $objs/ubsan.o" \
                --add-module="$module"
        ) > "$objs/configure.log" 2>&1 || {
            tail -20 "$objs/configure.log" >&2
            return 1
        }
        echo "$sum" > "$objs/configured"
    fi

    make -s -j2 -C "$src" -f "$objs/Makefile" binary \
        > "$objs/make.log" 2>&1 || {
            tail -30 "$objs/make.log" >&2
            return 1
        }
}


# Every suite that runs nginx with a module of ours.  The runner's own tests
# plant the very faults that are looked for here.
suites() {
    grep -lrE --include='*.t' '^use (RD|Test::Nginx::Socket)\b' "$@" \
        | grep -v '/01-runner/' | sort
}


# the suites of the test-only module, and all others
of_probe() { printf '%s\n' "$@" | xargs -r grep -l '^use RD::Probe' || true; }
of_module() { printf '%s\n' "$@" | xargs -r grep -L '^use RD::Probe' || true; }


# run BINARY FILE...: '' is the stock nginx; adds to passed and failed
run() {
    local binary=$1 counts
    shift

    [ $# -gt 0 ] || return 0
    [ -z "$binary" ] || export TEST_NGINX_BINARY=$binary

    RD_FILE_S=1800 perl tools/test.pl "$@" | tee "$asan/run.log" || status=1

    counts=$(tail -1 "$asan/run.log")
    passed=$((passed + ${counts%% passed*}))
    counts=${counts##*passed, }
    failed=$((failed + ${counts%% failed*}))
}


cd "$top"
[ $# -gt 0 ] || set -- t
mapfile -t files < <(suites "$@")

if [ ${#files[@]} -eq 0 ]; then
    say "there is no suite that runs nginx in $*" >&2
    exit 1
fi

mapfile -t module < <(of_module "${files[@]}")
mapfile -t probe < <(of_probe "${files[@]}")
passed=0 failed=0 status=0

if have_source; then
    say "nginx $(basename "$src") from Debian's source package, with" \
        "AddressSanitizer and UBSan, the module linked into it"

    export RD_STATIC_MODULE=1 RD_SANITIZED=1
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0
    export LSAN_OPTIONS=suppressions=$top/tools/lsan.supp:print_suppressions=0

    if [ ${#module[@]} -gt 0 ]; then
        ASAN_OPTIONS='' build_nginx "$asan/objs" "$top" || exit 1
        run "$asan/objs/nginx" "${module[@]}"
    fi

    if [ ${#probe[@]} -gt 0 ]; then
        ASAN_OPTIONS='' build_nginx "$asan/probe" "$top/t/module" || exit 1
        run "$asan/probe/nginx" "${probe[@]}"
    fi
else
    say "nginx's source could not be had:" \
        "$(grep -m1 -E '^[EW]:' "$asan/fetch.log" || echo 'no reason given')"
    say "the same suites under valgrind, with the stock nginx"

    tools/build.sh "$build"
    export TEST_NGINX_USE_VALGRIND=1
    run '' "${files[@]}"
fi

say "${#files[@]} suites"
echo "$passed passed, $failed failed"
exit "$status"
