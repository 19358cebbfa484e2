#!/bin/sh
# rooms.sh OBJS: asks the linker's tables whether every function keeps the law
# of its room (docs/ARCHITECTURE.md).  OBJS is what tools/build.sh filled,
# build/objs by default.  Names each breach in one line; silent otherwise.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
objs=${1:-$top/build/objs}

list=$(find "$objs/addon" -name 'ngx_rd_*.o' 2>/dev/null | sort)

if [ -z "$list" ]; then
    echo "rooms: no objects in $objs/addon; run make build first" >&2
    exit 1
fi

# one line a symbol: room, file, "has" or "uses", name
for o in $list; do
    file=${o##*/} file=${file%.o}
    room=${o%/*} room=${room##*/}

    # the folder of the clone may have any name, also that of a room
    [ -d "$top/src/$room" ] && [ ! -f "$top/$file.c" ] || room=root

    # four files are no room but have a law of their own: the two hands, the
    # bridge between the loop and the pool threads, and the lookup of names
    case $file in
    ngx_rd_ssh_pool|ngx_rd_aci) room=hands ;;
    ngx_rd_job) room=bridge ;;
    ngx_rd_resolve_job) room=lookup ;;
    esac

    # fortified calls are named __poll_chk and the like
    nm -g -P "$o" | awk -v room="$room" -v file="$file" '
        {
            name = $1
            sub(/@.*/, "", name)
            sub(/^__/, "", name)
            sub(/_chk$/, "", name)
            print room, file, ($2 ~ /^[Uw]$/ ? "uses" : "has"), name
        }'
done | awk '
    function say(text) {
        print "rooms: " where ".c: " text
        bad = 1
    }

    # what a room may use of the other rooms
    BEGIN {
        may["base"]     = " base "
        may["redis"]    = " base redis lookup "
        may["lookup"]   = " base work bridge "
        may["identity"] = " base redis identity "
        may["session"]  = " base redis session "
        may["fleet"]    = " base redis session fleet hands bridge "
        may["work"]     = " base work "
        may["bridge"]   = " base "
        may["hands"]    = " base work hands "
        may["http"]     = " base redis identity session fleet bridge http" \
                          " root "
        may["root"]     = " base redis identity session fleet bridge hands" \
                          " http root "

        # the one door of each foreign library
        door["^redis[A-Z]|^freeReplyObject$|^sds[a-z]+$"] = "^redis/"
        door["^SSL_|^X509_"] = "^redis/ngx_rd_redis_tls$"
        door["^libssh2_"] = "^work/ngx_rd_ssh(_|$)"
        door["^cJSON_"]   = "^base/ngx_rd_json$"
        door["^yaml_"]    = "^base/ngx_rd_yaml$"
        door["^curl_"]    = "^work/ngx_rd_https$"

        blocks = "^(sleep|usleep|nanosleep|clock_nanosleep|getaddrinfo" \
                 "|gethostbyname.*|getnameinfo|p?poll|p?select|pthread_.*" \
                 "|system|popen|wait|waitpid|flock|lockf)$"

        loops = "^(ngx_http_.*|ngx_p.*alloc|ngx_create_pool" \
                "|ngx_destroy_pool|ngx_event_.*|ngx_add_timer.*" \
                "|ngx_posted_.*|ngx_cycle)$"

        impure = "^(socket|connect|bind|listen|accept4?|send|sendto|sendmsg" \
                 "|recv|recvfrom|recvmsg|fork|vfork|exec[vl].*|ngx_.*)$"
    }

    { line[NR] = $0 }

    $3 == "has" {
        home[$4] = $1
        owner[$4] = $2
    }

    END {
        for (i = 1; i <= NR; i++) {
            split(line[i], f, " ")
            room = f[1]
            file = f[2]
            name = f[4]
            where = room == "root" || room == "hands" ? file \
                    : (room == "bridge" || room == "lookup" ? "work" : room) \
                      "/" file

            if (f[3] == "has") {
                if (name != file && index(name, file "_") != 1) {
                    say(name " is not called " file "_*")
                }
                continue
            }

            for (d in door) {
                if (name ~ d && where !~ door[d]) {
                    say(name " is behind another door")
                }
            }

            # both sides use base, and the bridge stands on both
            thread = room == "work" || room == "hands"
            both = room == "bridge" || room == "lookup" || room == "base"

            if (!thread && !both && name ~ blocks) {
                say(name " may block the event loop")
            }

            if (thread && name ~ loops) {
                say(name " belongs to the event loop")
            }

            if (room == "base" && (name ~ blocks || name ~ impure) \
                && name !~ /^ngx_rd_/)
            {
                say(name " is not pure")
            }

            if (room ~ /^(redis|session|fleet|identity)$/ \
                && name ~ /^ngx_http_/)
            {
                say(name " has a request in its hand")
            }

            # a shared object links without it, and fails when it is loaded
            if (name ~ /^ngx_rd_/ && !(name in home)) {
                say(name " is used, and is nowhere")
            }

            if (!(name in home) || owner[name] == file) {
                continue
            }

            # the bridge tells those who wait that the worker leaves
            if (room == "bridge" && name ~ /^ngx_rd_deadline_cut/) {
                continue
            }

            if (index(may[room], " " home[name] " ") == 0) {
                say(name " lives in " home[name] ", which this room does not" \
                    " know")
            }
        }

        exit bad
    }'
