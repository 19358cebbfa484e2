#!/bin/sh
# hesitant.sh [PATH...]: the suites with an nginx and a redis-server that fall
# asleep for a moment after every few answers, and before every few events
# (t/fake/hesitate.c).  A test that takes for granted what comes a moment after
# an answer fails here in one run, and in CI in one of a thousand.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=${RD_BUILD:-$top/build}
dir=$build/hesitant

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

${CC:-gcc} -g -O1 -W -Wall -Werror -fPIC -shared "$top/t/fake/hesitate.c" \
    -o "$dir/hesitate.so" -ldl

# hesitant PROGRAM: one of the same name that does
hesitant() {
    printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' "'$dir/hesitate.so'" "$1" \
        > "$dir/${1##*/}"
    chmod +x "$dir/${1##*/}"
}

hesitant "${TEST_NGINX_BINARY:-/usr/sbin/nginx}"
hesitant "$(command -v redis-server)"

export TEST_NGINX_BINARY="$dir/nginx" PATH="$dir:$PATH"

exec perl "$top/tools/test.pl" "$@"
