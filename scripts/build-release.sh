#!/usr/bin/env bash
# build-release.sh ARCHITECTURE FOLDER: builds the release files of one architecture (x86_64 or arm64)
# into FOLDER: the function as a zip, the template that deploys it, and the command line. Needs Rust,
# python3 and cargo-lambda.
set -euo pipefail

architecture=$1
folder=$(mkdir -p "$2" && cd "$2" && pwd)
cd "$(dirname "$0")/.."

case $architecture in
    x86_64) target=x86_64-unknown-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu ;;
    *)
        echo "ARCHITECTURE is x86_64 or arm64, not $architecture" >&2
        exit 2
        ;;
esac

rustup target add "$target"
built=$(mktemp -d)
trap 'rm -r "$built"' EXIT

cargo lambda build --release --locked --target "$target" --package trailbell --bin trailbell-lambda \
    --output-format zip --lambda-dir "$built"
cp "$built/trailbell-lambda/bootstrap.zip" "$folder/trailbell-lambda-$architecture.zip"
python3 scripts/template_for_zip.py "$architecture" >"$folder/trailbell-$architecture.yaml"

# The command line runs on any machine, so it must not use the CPU extensions of Lambda's processors.
cargo lambda build --release --locked --target "$target" --package trailbell-cli --bin trailbell \
    --disable-optimizations --lambda-dir "$built"
install -D -m 755 "$built/trailbell/bootstrap" "$built/archive/trailbell"
tar -C "$built/archive" -czf "$folder/trailbell-linux-$architecture.tar.gz" trailbell
