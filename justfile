# Common tasks. Install just with `cargo install just`, and run `just` for this list.

_default:
    @just --list --unsorted

# Run all tests, or those whose name contains FILTER
test FILTER="":
    cargo test --workspace --locked -- {{FILTER}}

# Run clippy over everything, as CI does
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cp Cargo.lock fuzz/Cargo.lock
    cargo clippy --manifest-path fuzz/Cargo.toml --target-dir target -- -D warnings

# Format the code
fmt:
    cargo fmt --all
    cargo fmt --manifest-path fuzz/Cargo.toml

# Run everything that CI runs
ci:
    bash .ci/run

# Rewrite the golden files; read the diff before you commit it
golden:
    INSTA_UPDATE=always TRAILBELL_WRITE_GOLDEN=1 cargo test --workspace --locked
    git diff --stat

# Open an API documentation build in the browser
doc:
    cargo doc --workspace --no-deps --lib --open

# Measure how fast log objects are read, in release mode
bench *ARGS:
    cargo bench --locked -p trailbell-cli --bench scan -- {{ARGS}}

# Send 10,000 notifications through the function and a stand-in for AWS
load *ARGS:
    cargo bench --locked -p trailbell --bench load -- {{ARGS}}

# Print the mail of a sample event
try EVENT="events/s3-put.json":
    cargo run --locked -- invoke {{EVENT}}
