#!/usr/bin/env bash
# `tspool cat` beside cat(1) and zstdcat(1), interleaved: 1 GiB of plain backups, the same compressed, into a pipe and into
# nothing; and five minutes of a set of 10 GiB. Medians of so many rounds. Usage: cat.sh [ROUNDS] [TSPOOL] [GIB]
set -euo pipefail

rounds=${1:-5} tspool=$(realpath "${2:-target/release/tspool}") gib=${3:-10}
work=$(mktemp -d "${TMPDIR:-/tmp}/tspool-cat.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Writes $2 files of $3 seconds, a thousand lines of 119 bytes in each second; the newest line is of this second.
fill() {
    python3 - "$@" <<'PY'
import datetime, os, sys
where, files, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.makedirs(where)
stand_in = '2000-01-01T00:00:00'
levels = ['DEBUG', ' INFO', ' INFO', ' INFO', ' INFO', ' WARN', ' INFO', 'ERROR']
line = lambda n: f'{stand_in}.{n * 1000:06}Z {levels[n % 8]} shop::orders: order {n:06} shipped '.ljust(118, 'x') + '\n'
second = ''.join(map(line, range(1000))).encode()
time = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=files * seconds)
for number in range(files - 1, -1, -1):
    with open(f'{where}/app.log' + (f'.{number}' if number else ''), 'wb') as out:
        for _ in range(seconds):
            out.write(second.replace(stand_in.encode(), time.strftime('%Y-%m-%dT%H:%M:%S').encode()))
            time += datetime.timedelta(seconds=1)
PY
}

# Runs a command and adds its seconds to a list.
declare -A taken
measure() { # measure NAME COMMAND
    local begun=$EPOCHREALTIME
    bash -c "$2"
    taken[$1]+="$(awk "BEGIN { print $EPOCHREALTIME - $begun }") "
}
median() { tr ' ' '\n' <<<"${taken[$1]}" | sed '/^$/d' | sort -n | awk '{ all[NR] = $1 } END { printf "%.3f", all[int((NR + 1) / 2)] }'; }
row() { printf '%-34s %8s s %8s s   %s\n' "$1" "$(median "$2")" "$(median "$3")" "$(awk "BEGIN { printf \"%.2f\", $(median "$3") / $(median "$2") }")"; }

fill "$work/plain" 10 900
mkdir "$work/packed"
cp "$work/plain/app.log" "$work/packed"
for number in 1 2 3 4 5 6 7 8 9; do zstd -q "$work/plain/app.log.$number" -o "$work/packed/app.log.$number.zst"; done
plain=$(for number in 9 8 7 6 5 4 3 2 1; do printf '%s ' "$work/plain/app.log.$number"; done)$work/plain/app.log
packed=$(for number in 9 8 7 6 5 4 3 2 1; do printf '%s ' "$work/packed/app.log.$number.zst"; done)
cmp <(cat $plain) <("$tspool" cat "$work/plain/app.log")
cmp <(zstdcat $packed; cat "$work/packed/app.log") <("$tspool" cat "$work/packed/app.log")
for _ in $(seq "$rounds"); do
    measure cat "cat $plain | cat >/dev/null"
    measure ours "$tspool cat $work/plain/app.log | cat >/dev/null"
    measure cat-nothing "cat $plain >/dev/null"
    measure ours-nothing "$tspool cat $work/plain/app.log >/dev/null"
    measure zstdcat "{ zstdcat $packed; cat $work/packed/app.log; } | cat >/dev/null"
    measure ours-packed "$tspool cat $work/packed/app.log | cat >/dev/null"
done
printf '%-34s %10s %10s   %s\n' '' 'the tool' tspool ratio
row '1 GiB plain, into a pipe' cat ours
row '1 GiB plain, into /dev/null' cat-nothing ours-nothing
row '1 GiB as .zst, into a pipe' zstdcat ours-packed
rm -rf "$work/plain" "$work/packed"
fill "$work/large" 20 $((gib * 1073741824 / 119000 / 20))
for _ in $(seq "$rounds"); do measure since "$tspool cat $work/large/app.log --since 5m >/dev/null"; done
printf '%-34s %10s %8s s   %s lines\n' "five minutes of $gib GiB" '' "$(median since)" "$("$tspool" cat "$work/large/app.log" --since 5m | wc -l)"
