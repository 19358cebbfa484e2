# awk -f prelude.awk prelude.lua NAME.lua: a script with what it needs of the
# prelude, and no more.  Redis runs the whole text at each call, so that every
# function which stands there is made each time, needed or not.
#
# The prelude is a row of "local NAME" and "local function NAME" that begin at
# the first column.  A part is needed when its name stands somewhere in the
# script or in another part that is needed.

FNR == 1 { file++ }

file == 1 && /^local / {
    n++
    name[n] = $2 == "function" ? $3 : $2
    sub(/[^A-Za-z0-9_].*/, "", name[n])
}

# comments between the parts
file == 1 && /^(--.*)?$/ { next }

file == 1 { part[n] = part[n] $0 "\n"; next }

{ script = script $0 "\n" }

!/^--/ { names($0) }

END {
    do {
        more = 0

        for (i = 1; i <= n; i++) {
            if (name[i] in named && !needed[i]) {
                needed[i] = more = 1
                names(part[i])
            }
        }
    } while (more)

    for (i = 1; i <= n; i++) {
        if (needed[i]) {
            printf "%s", part[i]
        }
    }

    printf "%s", script
}

function names(text,    word, k, m) {
    gsub(/[^A-Za-z0-9_]+/, " ", text)
    m = split(text, word, " ")

    for (k = 1; k <= m; k++) {
        named[word[k]] = 1
    }
}
