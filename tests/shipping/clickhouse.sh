#!/usr/bin/env bash
# Loads a log into ClickHouse (chdb, the whole of it in a Python package) while the log rotates: each backup once, by its
# name, when it is compressed; first by gzip, then by zstd; what is left at the end. Counts by a query.
. "$(dirname "$0")/lib.sh"
python=${PYTHON:-python3}
"$python" -c 'import chdb' 2>/dev/null || skip "chdb is not installed for $python (pip install chdb)"
lines=${LINES_TO_SHIP:-6000} log=$place/shop.log

cat >"$place/load.py" <<'END'
import os, sys, time
from chdb.session import Session

place, log, lines = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Session(os.path.join(place, "store"))
store.query("CREATE TABLE log (name String, file String, line String) ENGINE = MergeTree ORDER BY name")

# A backup's name without its compression: the same before and after it.
NAME = r"replaceRegexpOne(_file, '\\.(gz|zst)$', '')"

def load(pattern):
    # What was loaded stands beside its lines, in one insert: a load that is cut off has loaded nothing.
    store.query(f"""INSERT INTO log SELECT {NAME}, _file, line
                    FROM file('{log}{pattern}', 'LineAsString', 'line String')
                    WHERE {NAME} NOT IN (SELECT name FROM log)""")

def number(query):
    return int(str(store.query(query)).strip())

loads = 0
while not os.path.exists(os.path.join(place, "written")):
    if any(name.endswith((".gz", ".zst")) for name in os.listdir(place)):
        load(".*.{gz,zst}")
        loads += 1
    time.sleep(0.1)
before = number("SELECT count() FROM log")
load(".*.{gz,zst}")
# Nobody writes any more: the newest backup, which stays plain, and the live file.
load(".*")
load("")
of = lambda end: number(f"SELECT uniqExact(file) FROM log WHERE endsWith(file, '{end}')")
count, unique = number("SELECT count() FROM log"), number("SELECT uniqExact(line) FROM log")
files = number("SELECT uniqExact(file) FROM log")
# The same without a table: every file of the set, each read by its ending.
direct = number(f"SELECT uniqExact(line) FROM file('{log}*', 'LineAsString', 'line String')")
print(f"{lines} lines written: {count} loaded, {unique} of them different, from {of('.gz')} .gz, {of('.zst')} .zst and "
      f"{files - of('.gz') - of('.zst')} plain files; {before} of them by {loads} loads while they were written; "
      f"{direct} found without a table")
sys.exit(0 if count == unique == direct == lines and of(".gz") and of(".zst") and before else 1)
END
"$python" "$place/load.py" "$place" "$log" "$lines" >"$place/said" 2>&1 &
loader=$!
started+=("$loader")

export FILLER_MAX_BYTES=6000 FILLER_NAMING=timestamped FILLER_BACKUP_COUNT=1000 FILLER_MAX_TOTAL_BYTES="1 GiB"
FILLER_COMPRESSION=gzip fill "$log" 0 $((lines / 2)) 2000
FILLER_COMPRESSION=zstd fill "$log" $((lines / 2)) "$lines" 2000
touch "$place/written"
wait "$loader" || fail "$(tail -3 "$place/said")"
cat "$place/said"
