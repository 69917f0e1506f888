# `.venv/bin/just` runs these (PyPI: rust-just). `just check` is what CI runs.

export VIRTUAL_ENV := justfile_directory() / ".venv"
export PATH := VIRTUAL_ENV / "bin:" + env("PATH")

generated := "python/rowferry/v1"
minimum_line_coverage := "90"
# Not 910 and 911, a checkpoint on every way out of every async function: many here are fast when
# what they need is at hand, on purpose. 913 keeps the loops around them cancellable.
async_rules := "ASYNC102,ASYNC103,ASYNC113,ASYNC900,ASYNC913"

fuzz_target := arch() + "-unknown-linux-gnu"
# What `cargo fuzz` passes, so that nothing but a C++ compiler has to be installed.
fuzz_flags := "--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module -Ccodegen-units=1" \
    + " -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters" \
    + " -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"

[private]
default:
    @just --list

# Make .venv: locked packages, the release-built core, the command `rowferry`
setup:
    ./setup

# Run the main job end to end on the embedded default
demo *args:
    rowferry demo {{ args }}

# Everything that must hold: CI runs exactly this
check:
    #!/usr/bin/env bash
    set -euo pipefail
    # Where its tools are installed, as in CI, the Rust tests run under the coverage gate.
    rust=test-rust
    if command -v cargo-llvm-cov && command -v llvm-cov-19; then rust=coverage-rust; fi
    for recipe in lint-python lint-types lint-imports lint-stubs lint-rust lint-php proto-check $rust bench-smoke coverage test-e2e test-clients test-faults test-abuse test-readers; do
        printf '\n== %s (after %d s)\n' "$recipe" "$SECONDS"
        just "$recipe"
    done
    printf '\n== all checks passed (after %d s)\n' "$SECONDS"

# Format Python, Rust and this file
fmt:
    ruff check --select I --fix --quiet
    ruff format
    cargo fmt --all

# All static checks
lint: lint-python lint-types lint-imports lint-stubs lint-php lint-rust

# Style: ruff, and the trio rules that ruff does not have
lint-python:
    ruff check
    ruff format --check
    flake8-async --enable={{ async_rules }} \
        $(find bench python tests -name '*.py' -not -path '{{ generated }}/*')

# Types, strictly
lint-types:
    mypy

# Imports go down: docs/architecture.md
lint-imports:
    PYTHONPATH=python lint-imports --no-logo

# _core.pyi says what the compiled core has
lint-stubs:
    MYPYPATH=python stubtest rowferry._core

# PHP's syntax, strict types, PSR-12: needs php-cli and php-codesniffer, and is left out without them, but not in CI
lint-php:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! { command -v php && command -v phpcs; } >/dev/null; then
        echo "lint-php: php or phpcs is missing" >&2
        [ -z "${CI:-}" ]
        exit
    fi
    # One at a time: `php -l` looks at its first file only.
    find clients/php -name '*.php' -print0 | xargs -0 -n 1 -P 2 php -n -l >/dev/null
    cd clients/php
    phpcs -q -s

# Formatting and clippy, warnings are errors
lint-rust:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked --quiet -- -D warnings

# Generate the gRPC code; the result is committed
proto: (generate-proto "python")

# The committed gRPC code is what the contract generates
proto-check:
    #!/usr/bin/env bash
    set -euo pipefail
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    just generate-proto "$fresh"
    diff --recursive --exclude=__init__.py --exclude=__pycache__ "$fresh/rowferry/v1" {{ generated }}

[private]
generate-proto target:
    python -m grpc_tools.protoc -I proto \
        --python_out={{ target }} --pyi_out={{ target }} --grpclib_python_out={{ target }} \
        proto/rowferry/v1/*.proto

# Open the example page of clients/typescript over a service of its own, until Ctrl-C: needs Node
example port="8080":
    #!/usr/bin/env bash
    set -euo pipefail
    (cd clients/typescript && npm ci --ignore-scripts --no-audit --no-fund --silent && node example/build.mjs)
    data=$(mktemp -d)
    export ROWFERRY__SERVER__DATA_DIRECTORY=$data
    export ROWFERRY__SECURITY__ALLOWED_ORIGINS='["http://127.0.0.1:{{ port }}", "http://localhost:{{ port }}"]'
    rowferry serve >"$data/log" &
    service=$!
    trap 'kill "$service" 2>/dev/null; wait "$service"; rm -rf "$data"' EXIT
    node clients/typescript/example/serve.mjs --port {{ port }}

# Rust tests
test-rust:
    cargo test --workspace --locked --quiet

# Rust tests with the line coverage gate: needs cargo-llvm-cov and Debian's llvm-19
coverage-rust:
    LLVM_COV=llvm-cov-19 LLVM_PROFDATA=llvm-profdata-19 cargo llvm-cov --package rowfile --locked \
        --fail-under-lines {{ minimum_line_coverage }}
    cargo test --workspace --doc --locked --quiet

# Write the pages of docs/ that are made from the code
docs:
    PYTHONPATH=python:. python -m tests.docs.error_page

# Python tests but those that start the service, harm it, or start other programs' readers
test *args:
    pytest -m "not e2e and not faults and not readers and not abuse and not clients" {{ args }}

# Tests against the real service in its own process
test-e2e *args:
    pytest -m e2e {{ args }}

# Autobahn|Testsuite against the WebSocket transport, with its cases about limits and speed: needs Python 2.7
autobahn *args:
    ROWFERRY_AUTOBAHN=full pytest -m e2e tests/e2e/test_autobahn.py {{ args }}

# The clients against the real service: needs PHP with phpunit, Node, Chromium
test-clients *args:
    pytest -m clients {{ args }}

# A short form of `just faults`
test-faults *args:
    pytest -m faults {{ args }}

# Kill the service, its database, its disk and its network under load; results go to bench/results
faults *args:
    ROWFERRY_FAULTS=full ROWFERRY_FAULTS_RESULTS=bench/results/faults.json pytest -m faults {{ args }}

# A tenth of `just abuse`
test-abuse *args:
    pytest -m abuse {{ args }}

# Attack a running service on every port; figures go to bench/results
abuse *args:
    ROWFERRY_ABUSE=full ROWFERRY_ABUSE_RESULTS=bench/results/abuse.json pytest -m abuse {{ args }}

# Files opened by other programs: needs Go, Node, Java with Maven, LibreOffice, xmllint, file
test-readers *args:
    pytest -m readers {{ args }}

# What `just test` runs, with the branch coverage gate
coverage:
    coverage run -m pytest -m "not e2e and not faults and not readers and not abuse and not clients"
    coverage report

# Lock again: `just lock` keeps versions, `just lock --upgrade` moves them
lock *args:
    #!/usr/bin/env bash
    set -euo pipefail
    compile() {
        uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
            --no-header --no-emit-index-url "$@" >/dev/null
    }
    compile {{ args }} pyproject.toml -o requirements/runtime.lock
    compile {{ args }} --group bootstrap -o requirements/bootstrap.lock
    compile {{ args }} -c requirements/runtime.lock -c requirements/bootstrap.lock \
        pyproject.toml --all-extras --group dev -o requirements/dev.lock
    compile {{ args }} -c requirements/runtime.lock -c requirements/dev.lock \
        bench/peers/python/requirements.in -o bench/peers/python/requirements.lock

# Measure core, door and service beside others, then all doors; results go to bench/results
bench *args: && (bench-doors args)
    PYTHONPATH=python python -m bench {{ args }}

# Measure the same rows through gRPC, WebSocket and HTTP, in turns; fails when a target is missed
bench-doors *args:
    PYTHONPATH=python python -m bench.doors_together {{ args }}

# A tenth of `just bench` and of bench-doors, -status, -link, -progress and -php; fails when a ratio is
# below 70 % of the committed one twice: machines are noisy
bench-smoke:
    #!/usr/bin/env bash
    set -euo pipefail
    export PYTHONPATH=python
    python -m bench --rows 80000 --check || python -m bench --rows 80000 --check
    python -m bench.doors_together --rows 80000 --check || python -m bench.doors_together --rows 80000 --check
    python -m bench.status --check || python -m bench.status --check
    python -m bench.link --check || python -m bench.link --check
    python -m bench.progress --check || python -m bench.progress --check
    python -m bench.php --check || python -m bench.php --check

# Measure the core beside other writers, on tables of many kinds: also needs Go, Java and Maven
bench-peers *args:
    PYTHONPATH=python python -m bench.peers {{ args }}

# Measure how soon after the last row there is a link, with files in the OSS double
bench-link *args:
    PYTHONPATH=python python -m bench.link {{ args }}

# Measure calls of the task store over 100,000 tasks: needs PostgreSQL and MariaDB (Debian's packages)
bench-task-store *args:
    PYTHONPATH=python python -m bench.task_store {{ args }}

# Make a file of ten million rows; fails when memory is not small and flat
bench-ten-million *args:
    PYTHONPATH=python python -m bench.ten_million {{ args }}

# Measure what the spool costs: on disk against in memory, synced and not; fails at 10 %
bench-spool *args:
    PYTHONPATH=python python -m bench.spool {{ args }}

# Measure the processor time of uploads to OSS beside oss2's; fails above 0.8 s/GB
bench-upload-cpu *args:
    PYTHONPATH=python python -m bench.upload_cpu {{ args }}

# Measure what a question about a task waits while twenty exports run, and how long a start takes
bench-status *args:
    PYTHONPATH=python python -m bench.status {{ args }}

# Measure what 1,000 watchers cost the service, by row; fails above 5 % of its processor time
bench-progress *args:
    PYTHONPATH=python python -m bench.progress {{ args }}

# Measure the PHP client over each transport, beside PHP by itself: needs PHP, and builds ext-grpc
bench-php *args:
    PYTHONPATH=python python -m bench.php {{ args }}

# Measure the Python client with lists, tables and Parquet, beside files written locally
bench-python *args:
    PYTHONPATH=python python -m bench.python_client {{ args }}

# Measure rows from a page of Chromium to a finished file: needs Node and Chromium
bench-browser *args:
    PYTHONPATH=python:. python -m bench.browser {{ args }}

# Criterion benches of the core's parts, in less than a minute: `just bench-micro xlsx`
bench-micro *filter:
    cargo bench --package rowfile --bench core --locked -- {{ filter }}

# Fuzz one check of rust/rowfile/tests/checks with libFuzzer and ASan
fuzz check seconds="60":
    #!/usr/bin/env bash
    set -euo pipefail
    cd rust/rowfile/fuzz
    # Sanitizers and coverage are unstable options, which the pinned toolchain takes with this.
    export RUSTC_BOOTSTRAP=1 RUSTFLAGS="{{ fuzz_flags }}"
    cargo build --release --quiet --target {{ fuzz_target }} --bin {{ check }}
    mkdir -p target/corpus/{{ check }} target/artifacts/{{ check }}
    # What is found goes to target/; the committed corpus is only read.
    nice -n 19 target/{{ fuzz_target }}/release/{{ check }} \
        target/corpus/{{ check }} ../corpus/{{ check }} -artifact_prefix=target/artifacts/{{ check }}/ \
        -max_total_time={{ seconds }} -max_len=4096 -timeout=60 -rss_limit_mb=2500 -verbosity=0 \
        -print_final_stats=1

# Send 100,000 random and mutated inputs to each door; results go to bench/results
fuzz-doors *args:
    PYTHONPATH=python:. python -m tests.fuzz_doors {{ args }}

# Fuzz every check for so many seconds, one after the other
fuzz-all seconds="60":
    #!/usr/bin/env bash
    set -euo pipefail
    for target in rust/rowfile/fuzz/fuzz_targets/*.rs; do
        just fuzz "$(basename "$target" .rs)" {{ seconds }}
    done

# Rust tests under AddressSanitizer: the crate forbids unsafe code, its dependencies have some
test-asan *args:
    RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --package rowfile --locked --lib --tests \
        --target {{ fuzz_target }} --target-dir target/asan {{ args }}

# Keep, of what fuzzing found, the inputs that reach code that the corpus does not
fuzz-keep check:
    #!/usr/bin/env bash
    set -euo pipefail
    cd rust/rowfile/fuzz
    target/{{ fuzz_target }}/release/{{ check }} -set_cover_merge=1 -use_counters=0 -verbosity=0 -max_len=2048 \
        ../corpus/{{ check }} target/corpus/{{ check }}
