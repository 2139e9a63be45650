#!/usr/bin/env bash
# Ships a log over TCP from one rsyslog to another while the log rotates, and counts what stands in the server's file. The
# server stops for a third of the lines; with the argument `away` it isn't there at all until two thirds are written.
. "$(dirname "$0")/lib.sh"
rsyslogd=$(PATH=$PATH:/usr/sbin command -v rsyslogd) || skip "rsyslogd is not installed"
log=$place/shop.log repeated_at_most=0
# Lines of 61 bytes, of which a file takes as many as are written at once.
each=98 files=${FILES_TO_SHIP:-60}
lines=$((files * each))
export FILLER_MAX_BYTES=6000
mkdir "$place/ship" "$place/server"

server() { # server PORT: 0 lets the system choose
    cat >"$place/server.conf" <<END
global(workDirectory="$place/server")
module(load="imtcp")
template(name="line" type="string" string="%msg:2:\$%\n")
input(type="imtcp" address="127.0.0.1" port="$1" listenPortFileName="$place/port" ruleset="file")
ruleset(name="file") {
    action(type="omfile" file="$place/arrived" template="line")
}
END
    "$rsyslogd" -n -iNONE -f "$place/server.conf" >"$place/server.said" 2>&1 &
    server=$!
    started+=("$server")
    # It says so only of a port that the system chose.
    [ "$1" != 0 ] || until_so test -s "$place/port" || fail "the server does not start: $(cat "$place/server.said")"
}

server 0
port=$(cat "$place/port")
cat >"$place/ship.conf" <<END
global(workDirectory="$place/ship")
module(load="imfile" mode="inotify")
input(type="imfile" File="$log" Tag="shop:" ruleset="shop"
      freshStartTail="off" PersistStateInterval="100" reopenOnTruncate="on")
ruleset(name="shop") {
    action(type="omfwd" target="127.0.0.1" port="$port" protocol="tcp"
           action.resumeRetryCount="-1" action.resumeInterval="1"
           queue.type="LinkedList" queue.size="1000"
           queue.filename="shop" queue.maxDiskSpace="1g" queue.saveOnShutdown="on"
           queue.timeoutEnqueue="2147483647")
}
END
if [ "${1:-}" = away ]; then
    kill "$server"
    wait "$server" 2>/dev/null || true
    repeated_at_most=2 # a line that rsyslog had in hand when the server wasn't there
fi
"$rsyslogd" -n -iNONE -f "$place/ship.conf" >"$place/ship.said" 2>&1 &
shipper=$!
started+=("$shipper")

# A reader that is outrun by two rotations misses a file. So the next one waits until rsyslog has opened this one.
is_open() { readlink "/proc/$shipper"/fd/* | grep -Fxq "$log"; }
fill_files() { # fill_files FIRST END, in files
    local file
    for ((file = $1; file < $2; file++)); do
        fill "$log" $((file * each)) $(((file + 1) * each)) 100000
        until_so is_open || fail "rsyslog does not open $log: $(cat "$place/ship.said")"
    done
}

third=$((files / 3))
fill_files 0 "$third"
[ "${1:-}" = away ] || kill -STOP "$server"
fill_files "$third" $((2 * third))
if [ "${1:-}" = away ]; then server "$port"; else kill -CONT "$server"; fi
fill_files $((2 * third)) "$files"

touch "$place/arrived"
all() { [ "$(sort -u "$place/arrived" | wc -l)" -ge "$lines" ]; }
until_so all || true
unique=$(sort -u "$place/arrived" | wc -l)
repeated=$(($(wc -l <"$place/arrived") - unique))
verdict="$lines lines written over about $files rotations${1:+, the server $1}: $((lines - unique)) lost, $repeated repeated"
[ "$unique" = "$lines" ] && [ "$repeated" -le "$repeated_at_most" ] || fail "$verdict"
echo "$verdict"
