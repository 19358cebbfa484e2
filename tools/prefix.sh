#!/bin/sh
# prefix.sh DIR [BUILD]: makes DIR a prefix for nginx in which the files of
# conf/ work as they stand: links to them, to the module, to the pages, to noVNC
# and to xterm.js, and a new SECRET_KEY when there is none.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:?usage: prefix.sh DIR [BUILD]}
build=$(cd "${2:-$top/build}" && pwd)

mkdir -p "$dir/conf" "$dir/tmp"

for file in "$top"/conf/*; do
    ln -sfn "$file" "$dir/conf/$(basename "$file")"
done

ln -sfn "$build/objs" "$dir/modules"
ln -sfn "$top/web" "$dir/web"
ln -sfn "$build/node/node_modules/@novnc/novnc" "$dir/novnc"
ln -sfn "$build/node/node_modules/@xterm" "$dir/xterm"

if [ ! -s "$dir/conf/secret" ]; then
    # 64 random bytes, as CTFd makes them
    (umask 077 && head -c 64 /dev/urandom > "$dir/conf/secret")
fi
