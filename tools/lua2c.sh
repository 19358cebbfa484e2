#!/bin/sh
# lua2c.sh SRC OUT: every SRC/<name>.lua becomes ngx_rd_redis_lua_<name> in
# OUT/ngx_rd_redis_lua.c, with its SHA1, so that EVALSHA needs no first try.
set -eu

src=$1 out=$2
c=$out/ngx_rd_redis_lua.c h=$out/ngx_rd_redis_lua.h

{
    echo '/* made by tools/lua2c.sh: do not edit */'
    echo '#include "ngx_rd_redis_lua.h"'
} > "$c.new"

{
    echo '/* made by tools/lua2c.sh: do not edit */'
    echo '#ifndef _NGX_RD_REDIS_LUA_H_INCLUDED_'
    echo '#define _NGX_RD_REDIS_LUA_H_INCLUDED_'
    echo "#include \"$(cd "$src/.." && pwd)/ngx_rd_redis_script.h\""
} > "$h.new"

for lua in "$src"/*.lua; do
    name=$(basename "$lua" .lua)

    # what a script needs of prelude.lua stands in front of it
    case $name in prelude) continue ;; esac
    awk -f "$(dirname "$0")/prelude.awk" "$src/prelude.lua" "$lua" \
        > "$out/$name.lua"

    sha=$(sha1sum < "$out/$name.lua" | cut -d' ' -f1)
    len=$(wc -c < "$out/$name.lua" | tr -d ' ')

    echo "extern const ngx_rd_redis_script_t  ngx_rd_redis_lua_$name;" \
        >> "$h.new"

    {
        echo "const ngx_rd_redis_script_t  ngx_rd_redis_lua_$name = {"
        echo "    \"$name\","
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/    "/' -e 's/$/\\n"/' \
            "$out/$name.lua"
        echo "    ,"
        echo "    $len, \"$sha\""
        echo "};"
    } >> "$c.new"
done

echo '#endif' >> "$h.new"
mv "$c.new" "$c"
mv "$h.new" "$h"
