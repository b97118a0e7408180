#!/bin/sh
# The programs fac is measured beside. Prints `NAME PATH` for each one that is there, and installs what is missing
# with cargo into ${FAC_BENCH_PEERS:-~/.cache/factotum-peers}. What cannot be installed is left out with a word.
# FAC_BENCH_OFFLINE=1 installs nothing.
set -u

folder=${FAC_BENCH_PEERS:-$HOME/.cache/factotum-peers}
mkdir -p -- "$folder" || exit 1

# peer NAME [CARGO ARGUMENTS…]
peer() {
    name=$1
    shift
    if [ ! -x "$folder/bin/$name" ]; then
        if [ -n "${FAC_BENCH_OFFLINE:-}" ]; then return; fi
        echo "installing $name into $folder (once)" >&2
        # A target folder of its own, so that nobody's build is disturbed; the log says why if it fails.
        if ! CARGO_TARGET_DIR="$folder/build" cargo install --quiet --locked --root "$folder" "$name" "$@" >"$folder/$name.log" 2>&1; then
            echo "left out: $name could not be installed (see $folder/$name.log)" >&2
            return
        fi
    fi
    printf '%s %s\n' "$name" "$folder/bin/$name"
}

peer mask --version 0.11.7
peer just
peer aichat
rm -rf -- "$folder/build"
