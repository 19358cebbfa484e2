#!/bin/sh
# pages.sh DIR [BUILD]: publishes the pages in DIR, the folder that
# conf/desktop.inc calls "web" (docs/PAGES.md): web/app, noVNC and xterm.js
# under DIR/static/VERSION, each file also compressed for gzip_static, and
# DIR/current, which points at this version.  The version is a hash of all
# files, so publishing the same files again changes nothing.  Prints it.
#
# Earlier versions stay: a tab that is open, or a rollback, may need them.
set -eu
umask 022

top=$(cd "$(dirname "$0")/.." && pwd)
dir=${1:?usage: pages.sh DIR [BUILD]}
build=${2:-${RD_BUILD:-$top/build}}
node=$build/node/node_modules
versions_max=5

die() { echo "pages: $*" >&2; exit 1; }


# copy FOLDER FILE...: into FOLDER of the new version
copy() {
    folder=$new/$1
    shift
    mkdir -p "$folder"
    cp -- "$@" "$folder"
}


# all files of noVNC, for the pages to fetch at once: each import by another
# file would cost a round trip
list_novnc() {
    (cd "$new" && find novnc -name '*.js') | LC_ALL=C sort \
        | while read -r file; do
            echo "  <link rel=\"modulepreload\"" \
                "href=\"/remote-desktop/static/@version@/$file\">"
        done
}


for package in @novnc/novnc @xterm/xterm @xterm/addon-fit; do
    [ -f "$node/$package/package.json" ] || \
        die "$node/$package is missing: make deps"
done

mkdir -p "$dir/static"
dir=$(cd "$dir" && pwd)

# two at once take turns
exec 9<"$dir"
flock 9

new=$(mktemp -d "$dir/static/.new.XXXXXX")
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

copy . "$top"/web/app/*.html
copy app "$top"/web/app/*.js "$top"/web/app/*.css "$top"/web/app/*.svg

copy novnc "$node/@novnc/novnc/LICENSE.txt"
cp -R "$node/@novnc/novnc/core" "$node/@novnc/novnc/vendor" "$new/novnc"

copy xterm "$node/@xterm/xterm/LICENSE" "$node/@xterm/xterm/css/xterm.css"
# mime.types of nginx does not know .mjs
cp "$node/@xterm/xterm/lib/xterm.mjs" "$new/xterm/xterm.js"
cp "$node/@xterm/addon-fit/lib/addon-fit.mjs" "$new/xterm/addon-fit.js"

version=$(cd "$new" && {
    find . -type f | LC_ALL=C sort | xargs sha256sum
    sha256sum < "$top/tools/pages.sh"
} | sha256sum | cut -c1-12)

if [ -d "$dir/static/$version" ]; then
    touch "$dir/static/$version"
else
    list_novnc > "$new/.list"
    sed -i -e "/@novnc@/{
        r $new/.list
        d
    }" "$new"/*.html
    rm "$new/.list"
    sed -i "s/@version@/$version/g" "$new"/*.html
    find "$new" -type f \( -name '*.html' -o -name '*.js' -o -name '*.css' \
        -o -name '*.svg' \) -exec gzip -9 -n -k -- {} +
    # workers read them, whatever the umask of git and npm was
    chmod -R a+rX "$new"
    mv "$new" "$dir/static/$version"
fi

# in one step: a visitor gets the old pages or the new ones
ln -sfn "static/$version" "$dir/current.new"
mv -T "$dir/current.new" "$dir/current"

(cd "$dir/static" && ls -1t) | grep -vx "$version" | tail -n "+$versions_max" \
    | while read -r old; do rm -rf "$dir/static/$old"; done

echo "$version"
