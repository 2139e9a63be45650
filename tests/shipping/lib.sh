# What the scripts of this directory share: a place that goes at the end, a writer, waiting, and how a skip is said.
# Each prints one line of verdict. Exit codes: 0 every line arrived once, 77 a program is missing, else it failed.
set -euo pipefail

skip() { echo "skipped: $(basename "$0"): $*"; exit 77; }
fail() { echo "$(basename "$0"): $*"; exit 1; }

place=$(mktemp -d)
started=()
leave() {
    # A process that was stopped dies of SIGKILL alone.
    for process in "${started[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    wait 2>/dev/null # which says of each that it was killed
    rm -rf "$place"
}
trap leave EXIT

# fill LOG FIRST END LINES_PER_SECOND: writes numbered lines, in a log as FILLER_... say.
fill() {
    if [ -n "${FILLER:-}" ]; then "$FILLER" "$@"; else cargo run --quiet --package tracing-spool-tests --bin filler -- "$@"; fi
}

# until_so COMMAND...: asks again until it is so, for a minute at most.
until_so() {
    local end=$((SECONDS + 60))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}
