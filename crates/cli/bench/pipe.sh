#!/usr/bin/env bash
# Compares `tspool pipe` with other pipe loggers: lines per second, and what a full disk that is freed later costs.
#
# Usage: pipe.sh [ROUNDS [LINES]], 7 rounds of 3,000,000 lines unless said otherwise.
# TSPOOL names the program (default: target/release/tspool), PLACES the directories to write in (default: one on tmpfs and
# one on the disk). Loggers that aren't installed are left out, and so is the full disk where nothing can be mounted.
set -euo pipefail

top=$(cd "$(dirname "$0")/../../.." && pwd)
tspool=${TSPOOL:-${CARGO_TARGET_DIR:-$top/target}/release/tspool}
read -r -a places <<<"${PLACES:-/dev/shm ${TMPDIR:-/tmp}}"
size=10485760
full_lines=20001
loggers=(rotatelogs cronolog multilog svlogd s6-log tspool tspool-durable)

# Parts of this script that run in a process of their own.
case ${1:-} in
    --log) mode=log ;;
    --full) mode=full ;;
    *) mode=all rounds=${1:-7} lines=${2:-3000000} ;;
esac

[ -x "$tspool" ] || { echo "$tspool: not there; run: cargo build --release -p tspool" >&2; exit 1; }
# Lines of 119 bytes, with their newline.
make_lines() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "%010d %107s\n", i, "x" }'; }

is_there() { case $1 in tspool*) true ;; *) command -v "$1" >/dev/null ;; esac; }

# Reads stdin into a log in directory $2, with files of 10 MB. cronolog knows no size and writes one file.
log() {
    case $1 in
        rotatelogs) rotatelogs -n 6 "$2/app.log" 10M ;;
        cronolog) cronolog "$2/app.%Y.log" ;;
        multilog) multilog "s$size" n6 "$2/log" ;;
        svlogd) mkdir -p "$2/log" && printf 's%s\nn6\n' "$size" >"$2/log/config" && svlogd "$2/log" 2>/dev/null ;;
        s6-log) s6-log n6 "s$size" "$2/log" ;;
        tspool) "$tspool" pipe "$2/app.log" --max-bytes "$size" --quiet ;;
        tspool-durable) "$tspool" pipe "$2/app.log" --max-bytes "$size" --quiet --durable="/dev/shm/pipe-bench.$$.ring" ;;
    esac
}

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

speed() {
    make_lines "$lines" >"$work/input"
    for place in "${places[@]}"; do
        dir=$(mktemp -d "$place/pipe-bench.XXXXXX")
        made+=("$dir")
        # One after the other in each round, so that a slow minute is everybody's.
        for _ in $(seq "$rounds"); do
            for logger in "${loggers[@]}"; do
                is_there "$logger" || continue
                rm -rf "${dir:?}"/* "$dir"/.[!.]* "/dev/shm/pipe-bench.$$.ring"*
                begun=$(date +%s%N)
                # cronolog ends with 1 after all went well.
                cat "$work/input" | log "$logger" "$dir" || [ "$logger" = cronolog ]
                echo $((($(date +%s%N) - begun) / 1000)) >>"$work/$logger.$(basename "$dir")"
            done
        done
        rm -rf "$dir" "/dev/shm/pipe-bench.$$.ring"*
    done
    printf '\n| logger |'
    for place in "${places[@]}"; do printf ' %s: seconds (fastest) | million lines/s |' "$place"; done
    printf '\n|---|'
    for _ in "${places[@]}"; do printf -- '---|---|'; done
    echo
    for logger in "${loggers[@]}"; do
        is_there "$logger" || continue
        printf '| %s |' "$logger"
        for dir in "${made[@]}"; do
            file=$work/$logger.$(basename "$dir")
            middle=$(median <"$file")
            awk -v us="$middle" -v least="$(sort -n "$file" | head -1)" -v n="$lines" \
                'BEGIN { printf " %.2f (%.2f) | %.1f |", us / 1e6, least / 1e6, n / us }'
        done
        echo
    done
}

# Fills a tmpfs, lets the logger run into it, and frees it. Runs in a mount namespace of its own.
full_disk() {
    logger=$1 dir=$2
    mount -t tmpfs -o size=16M none "$dir"
    dd if=/dev/zero of="$dir/filler" bs=1k count=16000 2>/dev/null
    code=0
    { cat "$work/full" | timeout 60 "$0" --log "$logger" "$dir"; } & pipe=$!
    sleep 3
    rm "$dir/filler"
    wait "$pipe" || code=$?
    kept=$(find "$dir" -type f ! -name '.*' ! -name 'ALERT*' -exec grep -hE '^[0-9]{10} +x$' {} + | sort -u | wc -l)
    echo "| $logger | $kept of $full_lines | $code |"
}

case $mode in
    log) log "$2" "$3"; exit ;;
    full) work=$4; full_disk "$2" "$3"; rm -f "/dev/shm/pipe-bench.$$.ring"*; exit ;;
esac

# What else the machine does would count more for a logger of several threads.
renice -n -20 $$ >/dev/null 2>&1 || echo "skipped: a priority above other work: not root"
made=()
work=$(mktemp -d)
trap 'rm -rf "$work" ${made[@]+"${made[@]}"}' EXIT
speed
make_lines "$full_lines" >"$work/full"
mkdir "$work/small"
if unshare -m mount -t tmpfs none "$work/small" 2>/dev/null; then
    printf '\n| logger | lines kept of a disk that was full for 3 s | exit code |\n|---|---|---|\n'
    for logger in "${loggers[@]}"; do
        is_there "$logger" || continue
        unshare -m "$0" --full "$logger" "$work/small" "$work"
    done
else
    echo "skipped: the full disk: nothing can be mounted here"
fi
