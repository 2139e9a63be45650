# The only door: `just` alone lists what there is.
# `cargo test` needs none of the tools that some recipes use.

set shell := ["bash", "-euo", "pipefail", "-c"]

# list the recipes
@default:
    just --list --unsorted

# format, clippy and docs, with warnings denied
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features

# every test, as the README says it
test *args:
    cargo test --workspace {{ args }}

# the house rules: layers, owners, first lines, guarantees and their tests
tidy:
    cargo test --package tracing-spool-tests --test tidy

# every test but the doc tests, with nextest if it is there
quick *args:
    @if command -v cargo-nextest >/dev/null; then cargo nextest run --workspace {{ args }}; else cargo test --workspace --all-targets {{ args }}; fi

# every fault in every scene, pairs of misfortunes, cases against a model: the long forms of the tests on a simulated disk
sweep:
    @.ci/sweep

# so many seeds of a thousand steps of whatever may happen; TRACING_SPOOL_SEED=N replays one
simulate seeds="100000":
    @TRACING_SPOOL_SEEDS={{ seeds }} cargo test --release --quiet --package tracing-spool-fileset --test it -- --nocapture a_thousand_steps 2>&1 | grep -oE "simulate: .*|^error.*|.*panicked.*|^seed.*|.*FAILED.*"

# so many orders of steps for each test of the hand-off, drawn twice: at random, and with threads put off for long
schedules orders="5000":
    @TRACING_SPOOL_SCHEDULES={{ orders }} cargo test --release --quiet --package tracing-spool-schedules >target/schedules.txt 2>&1 && echo "schedules: $(grep -oE '[0-9]+ passed' target/schedules.txt) with {{ orders }} orders of steps, twice" || { grep -vE '^[0-9a-f]{60,}$' target/schedules.txt | tail -40; exit 1; }

# the formats against tracing-subscriber's own: so many times nine thousand drawn cases
formats rounds="12":
    @for round in $(seq {{ rounds }}); do PROPTEST_CASES=3000 cargo test --release --quiet --package tracing-spool-format --test it same_bytes >target/formats.txt 2>&1 || { cat target/formats.txt; exit 1; }; done; echo "formats: $(({{ rounds }} * 9000)) cases, no byte differs"

# every fuzz target for so many seconds (needs nightly and cargo-fuzz)
fuzz seconds="60":
    @.ci/fuzz {{ seconds }}

# the heart of the engine changed in every small way: which change does no quick test see? (needs cargo-mutants, an hour)
mutants *args:
    @if command -v cargo-mutants >/dev/null; then cargo mutants --package tracing-spool-fileset --file 'crates/fileset/src/policy/*.rs' --file 'crates/fileset/src/effect/execute/*.rs' --file 'crates/fileset/src/model/errno_class.rs' {{ args }}; else echo "left out: cargo-mutants is not installed"; fi

# a sample of small changes everywhere else, drawn by a fixed seed (needs cargo-mutants, hours)
mutants-sample changes="200":
    @.ci/mutants-sample {{ changes }}

# the unit tests interpreted: undefined behaviour, and orders of memory that this machine does not show (needs nightly with miri)
miri:
    @.ci/miri

# the ring interpreted (a quarter of an hour), and in every order of steps
miri-ring:
    @if cargo +nightly miri --version >/dev/null 2>&1; then MIRIFLAGS="-Zmiri-disable-isolation" PROPTEST_CASES=4 cargo +nightly miri test --quiet --package tracing-spool-ring --lib; else echo "left out: a nightly toolchain with miri is not installed"; fi
    @cargo test --quiet --package tracing-spool-ring-loom

# the unit tests of the hand-off under ThreadSanitizer, but for one that counts page faults, which it has too (needs nightly with rust-src)
tsan:
    @if rustc +nightly --print sysroot >/dev/null 2>&1 && [ -d "$(rustc +nightly --print sysroot)/lib/rustlib/src/rust/library" ]; then RUSTFLAGS="-Zsanitizer=thread" RUSTDOCFLAGS="-Zsanitizer=thread" CARGO_TARGET_DIR=target/tsan cargo +nightly test -Zbuild-std --target "$(rustc +nightly -vV | sed -n 's/^host: //p')" --quiet --package tracing-spool --package tracing-spool-ring --lib -- --skip pages_that_are_touched_are_there_to_be_written; else echo "left out: a nightly toolchain with rust-src is not installed"; fi

# so many processes killed at random moments on the same files, each time read by a checker; `--form gzip`, `--seed 2`
kill kills="10000" *args:
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- kill {{ kills }} {{ args }}

# so many processes killed whose queue outlives them: each record whose event had returned is looked for; `--scene moved`
kill-durable kills="10000" *args:
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- kill-durable {{ kills }} {{ args }}

# the same on two logs, each process in another manner than the one before it (notices, limits, escaping, levels, size of the
# ring), some of them killed as they take over or held in the middle of a call, and the ring of one log offered to the other
kill-drawn kills="10000" *args:
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- kill-drawn {{ kills }} {{ args }}

# every call of a real program failed, shortened or delayed, one by one
shim:
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- sweep

# so many children forked beside eight threads that log: none hangs, spins, or writes into its parent's log
forks children="100000":
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- forks {{ children }}

# a log opened and closed so many times in one process: no memory, descriptor or thread is left
opens times="10000":
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- opens {{ times }}

# Streams whose reader sleeps or is stopped, and ends without a guard, so many times each
streams runs="50":
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- streams {{ runs }}

# a real program whose disk fails every few seconds, for so many minutes
soak minutes="10":
    @cargo run --release --quiet --package tracing-spool-torture --bin torture -- soak $(({{ minutes }} * 60))

# the power of an ext4 on a loop device cut so many times (needs root)
powercut cuts="100":
    @.ci/powercut {{ cuts }}

# a log read and judged: `just check-log target/app.log`
check-log *args:
    @cargo run --release --quiet --package tracing-spool-torture --bin check-log -- {{ args }}

# format the code
fmt:
    cargo fmt --all

# line coverage: at least 90 % of each crate, all of policy/
coverage:
    @.ci/coverage

# whether the libraries compile for macOS (needs `rustup target add x86_64-apple-darwin`, and nothing of that system)
macos:
    @if [ -d "$(rustc --print sysroot)/lib/rustlib/x86_64-apple-darwin" ]; then cargo check --package tracing-spool --package tracing-spool-appender --package tracing-spool-fileset --target x86_64-apple-darwin; else echo "left out: this toolchain has no x86_64-apple-darwin"; fi

# every combination of features compiles
powerset:
    @.ci/powerset

# licences, advisories, sources and bans of the dependencies
deny:
    @if command -v cargo-deny >/dev/null; then cargo deny check; else echo "left out: cargo-deny is not installed"; fi

# whether the public face changed as its version says, against the newest tag
semver:
    @.ci/semver

# an HTTP service under load with a small, rotating log; `--text` for plain lines
service *args:
    cargo run --release --package tracing-spool --example service -- {{ args }}

# a program that kills its own child a hundred times, and finds every record that the child had handed over
survive-sigkill:
    cargo run --release --package tracing-spool --example survive-sigkill

# the shortest program that uses a spool
quickstart:
    cargo run --package tracing-spool --example quickstart

# throughput and caller latency beside tracing-appender, in one run; wants an idle machine
compare:
    cargo run --release --package tracing-spool-tests --example compare

# beside thirteen set-ups of other loggers and the machine, 25 minutes, wants an idle machine; `--quick`, `--only NAME`, `--page FILE`
bench *args:
    cargo run --release --quiet --manifest-path crates/bench/Cargo.toml -- {{ args }}

# `tspool cat`, `follow` and `verify` under a writer that rotates fifty times a second: so many runs for each of seven layouts
read-while-rotating runs="15":
    @TRACING_SPOOL_RUNS={{ runs }} cargo test --quiet --package tspool --test it -- nothing_is_missing every_line_once a_clean_set_is_clean

# `tspool pipe --durable` killed so many times: each line that was read is there once
pipe-kills kills="1000":
    @TRACING_SPOOL_KILLS={{ kills }} cargo test --release --quiet --package tspool --test it -- each_line_is_there_once

# `tspool cat` beside cat(1) and zstdcat(1), and five minutes of 10 GiB
cat-bench *args:
    cargo build --release --package tspool
    crates/cli/bench/cat.sh {{ args }}

# `tspool pipe` and other pipe loggers: lines per second, and a full disk that is freed later
pipe-bench *args:
    cargo build --release --quiet -p tspool
    crates/cli/bench/pipe.sh {{ args }}

# the documentation, private items too
doc:
    cargo doc --workspace --no-deps --all-features --document-private-items

# all that a change has to pass, as the build machine runs it
ci:
    @.ci/run
