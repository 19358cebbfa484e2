# progress.sh: sourced by scripts whose steps take long.
#
# with_progress WHAT LOG COMMAND...: runs COMMAND in the foreground, its output
# appended to LOG, and every 10 seconds says on stderr that WHAT still runs,
# with the last line of the log.  The status is that of COMMAND.

PROGRESS_S=10
PROGRESS_BYTES_MAX=60

with_progress() {
    progress_what=$1 progress_log=$2
    shift 2

    : >> "$progress_log"
    progress_tick "$progress_what" "$progress_log" $$ >&2 9>&- &
    progress_pid=$!

    progress_status=0
    "$@" >> "$progress_log" 2>&1 || progress_status=$?

    kill "$progress_pid" 2>/dev/null || true
    wait "$progress_pid" 2>/dev/null || true

    return $progress_status
}


# Ends by itself when the script that started it is gone.

progress_tick() {
    progress_seconds=0

    while kill -0 "$3" 2>/dev/null; do
        sleep 1
        progress_seconds=$((progress_seconds + 1))

        if [ $((progress_seconds % PROGRESS_S)) = 0 ]; then
            progress_last=$(tail -n 1 "$2" | tr -dc '[:print:]' \
                | cut -c -$PROGRESS_BYTES_MAX)
            echo "$1: ${progress_seconds} s: $progress_last"
        fi
    done
}
