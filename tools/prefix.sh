#!/bin/sh
# prefix.sh DIR [BUILD]: makes DIR a prefix for nginx in which the files of
# conf/ work as they stand: links to them, to the module and to the published
# pages (tools/pages.sh), and a new SECRET_KEY when there is none.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:?usage: prefix.sh DIR [BUILD]}
build=$(cd "${2:-$top/build}" && pwd)

mkdir -p "$dir/conf" "$dir/tmp"

for file in "$top"/conf/*; do
    ln -sfn "$file" "$dir/conf/$(basename "$file")"
done

ln -sfn "$build/objs" "$dir/modules"
"$top/tools/pages.sh" "$build/web" "$build" > /dev/null
ln -sfn "$build/web" "$dir/web"
rm -f "$dir/novnc" "$dir/xterm"

if [ ! -s "$dir/conf/secret" ]; then
    # 64 random bytes, as CTFd makes them
    (umask 077 && head -c 64 /dev/urandom > "$dir/conf/secret")
fi
