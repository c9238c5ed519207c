# shellcheck shell=bash
# Gets an image from its registry, where one answers. Needs common.sh.

# A registry that answers says so at once; one that cannot be reached must cost seconds, not minutes.
silence_allowed_seconds=15
pull_allowed_seconds=900
registry_is_silent=false

pull() { # IMAGE
    local log="$cache_dir/pull.log" pull_pid second
    [ "$registry_is_silent" = false ] || return 1
    timeout "$pull_allowed_seconds" docker pull "$1" >"$log" 2>&1 &
    pull_pid=$!
    for ((second = 0; second < silence_allowed_seconds * 5; second++)); do
        if [ -s "$log" ] || ! kill -0 "$pull_pid" 2>/dev/null; then
            wait "$pull_pid" && return
            say "  pulling $1 failed: $(tail -n 1 "$log")"
            return 1
        fi
        sleep 0.2
    done
    kill "$pull_pid"
    registry_is_silent=true
    say "  the registry did not answer within $silence_allowed_seconds s: not asking it again"
    return 1
}
