#!/bin/sh
# fuzz.sh [SECONDS [TARGET...]]: builds t/fuzz/<target>.c with libFuzzer, ASan
# and UBSan, and runs each for SECONDS (default 60), one after another; 0 runs
# only the seeds and what earlier runs found.  Prints executions per target;
# fails when a target crashed, leaked or hung, and says where the input lies.
#
# Seeds are in t/fuzz/corpus/<target>/; what is found stays in the build folder.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${RD_BUILD:-$top/build}/fuzz
nginx_src=${NGINX_SRC:-/usr/share/nginx/src}
cc=${CLANG:-clang}
seconds=${1:-60}

[ $# -eq 0 ] || shift

case $seconds in
''|*[!0-9]*) echo "usage: fuzz.sh [SECONDS [TARGET...]]" >&2; exit 2 ;;
esac

cd "$top"
mkdir -p "$build"

objs=$("$top/tools/headers.sh" "$build")

includes="-I$objs -I$nginx_src/src/core -I$nginx_src/src/event
    -I$nginx_src/src/event/modules -I$nginx_src/src/event/quic
    -I$nginx_src/src/os/unix"

sanitize="-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"

# longer inputs are slower and find no more in formats as small as these
limits="-max_len=8192 -timeout=20 -rss_limit_mb=2048 -close_fd_mask=1"

bad=0


# "/* word: a b */" of the head of a target gives "a b"
asked() {
    sed -n "1,10s:^/\* $1\: \(.*\) \*/\$:\1:p" "$2" | tr '\n' ' '
}


compile() {
    # the lists are words on purpose
    # shellcheck disable=SC2046,SC2086
    $cc -g -O1 -fno-omit-frame-pointer $sanitize -Wall $includes \
        "t/fuzz/$1.c" $(asked sources "t/fuzz/$1.c") -o "$build/$1" \
        $(asked libs "t/fuzz/$1.c")
}


run() {
    mkdir -p "$build/corpus/$1"

    if [ "$seconds" -eq 0 ]; then
        set -- "$1" -runs=0
    else
        set -- "$1" -max_total_time="$seconds"
    fi

    dict=t/fuzz/$1.dict
    [ ! -f "$dict" ] || set -- "$@" -dict="$dict"

    name=$1 rc=0
    shift

    # shellcheck disable=SC2086
    "$build/$name" "$@" $limits -print_final_stats=1 \
        -artifact_prefix="$build/$name-" \
        "$build/corpus/$name" "t/fuzz/corpus/$name" \
        > "$build/$name.log" 2>&1 < /dev/null || rc=$?

    count=$(sed -n 's/^stat::number_of_executed_units: *//p' \
        "$build/$name.log")

    if [ $rc -eq 0 ]; then
        echo "fuzz: $name: ${count:-0} executions, no crash"
        return 0
    fi

    echo "fuzz: $name: failed after ${count:-0} executions"
    grep -E 'ERROR|SUMMARY|runtime error|Test unit written' \
        "$build/$name.log" | sed 's/^/    /'

    return 1
}


[ $# -gt 0 ] || set -- $(cd t/fuzz && ls ./*.c | sed 's:^\./::; s:\.c$::')

for target; do
    if compile "$target"; then
        run "$target" || bad=1
    else
        bad=1
    fi
done

exit $bad
