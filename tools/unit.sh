#!/bin/sh
# unit.sh [ROOM/NAME...]: builds t/unit/<room>/<name>.c with ASan and UBSan and
# runs them, all or those named; TAP on stdout, for prove too.
#
# Comments at the top of a test say what else it is linked with:
#     /* sources: src/base/ngx_rd_text.c ... */
#     /* libs: -lcrypto */
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${RD_BUILD:-$top/build}/unit
nginx_src=${NGINX_SRC:-/usr/share/nginx/src}
cc=${CC:-gcc}

sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"

# as strict as nginx's own flags; shadowing of tap.h's unused helpers is not
warnings="-W -Wall -Wpointer-arith -Wno-unused-parameter -Werror"

wrap="-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup"

cd "$top"
mkdir -p "$build"

objs=$("$top/tools/headers.sh" "$build")

includes="-I$objs -I$nginx_src/src/core -I$nginx_src/src/event
    -I$nginx_src/src/event/modules -I$nginx_src/src/event/quic
    -I$nginx_src/src/os/unix -It/unit"

count=0 failed=0


# "/* word: a b */" of the head of a test gives "a b"
asked() {
    sed -n "1,10s:^/\* $1\: \(.*\) \*/\$:\1:p" "$2" | tr '\n' ' '
}


# the programs are small, so any changed source or header rebuilds them
stale() {
    [ ! -x "$1" ] || [ -n "$(find src t/unit ./*.[ch] tools/unit.sh \
        -newer "$1" -name '*.*' -type f -print -quit)" ]
}


compile() {
    mkdir -p "$(dirname "$2")"

    # the lists are words on purpose
    # shellcheck disable=SC2046,SC2086
    $cc -g -O1 -fno-omit-frame-pointer $sanitize $warnings $includes $wrap \
        "$1" $(asked sources "$1") -o "$2" $(asked libs "$1")
}


say() {
    count=$((count + 1))
    printf '%s %d - %s\n' "$1" $count "$2"

    case $1 in not*) failed=$((failed + 1)) ;; esac
}


# a program's TAP in the numbers of the whole; its plan must hold
run() {
    rc=0
    "$2" > "$build/out" 2> "$build/err" < /dev/null || rc=$?

    sed 's/^/# /' "$build/err"

    while IFS= read -r line; do
        case $line in
        "ok "*)     say ok "$1: ${line#ok * - }" ;;
        "not ok "*) say "not ok" "$1: ${line#not ok * - }" ;;
        *)          printf '# %s\n' "${line#\# }" ;;
        esac
    done < "$build/out"

    seen=$(grep -Ec '^(not )?ok ' "$build/out" || :)

    if [ "$(tail -1 "$build/out")" != "1..$seen" ] || [ "$seen" -eq 0 ]; then
        say "not ok" "$1: ended early, exit status $rc"
    elif [ $rc -ne 0 ] && ! grep -q '^not ok ' "$build/out"; then
        say "not ok" "$1: exit status $rc"
    fi
}


[ $# -gt 0 ] || set -- $(cd t/unit && ls ./*/*.c | sed 's:^\./::; s:\.c$::')

for name; do
    program=$build/bin/$name

    if [ ! -f "t/unit/$name.c" ]; then
        say "not ok" "$name: there is no t/unit/$name.c"

    elif stale "$program" \
         && ! compile "t/unit/$name.c" "$program" 2> "$build/err"
    then
        rm -f "$program"
        sed 's/^/# /' "$build/err"
        say "not ok" "$name: does not compile"

    else
        run "$name" "$program"
    fi
done

echo "1..$count"
[ $failed -eq 0 ]
