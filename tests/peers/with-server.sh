#!/bin/sh
# Starts the scripted model server of the tests, runs the rest of the line with its address added, and ends it.
set -eu
dir=$(mktemp -d)
mkfifo "$dir/door"
cargo test --locked --test it -- --ignored --exact --nocapture model_server::model_server_for_peers <"$dir/door" >"$dir/said" 2>&1 &
server=$!
exec 3>"$dir/door"
trap 'exec 3>&-; wait $server || cat "$dir/said"; rm -rf "$dir"' EXIT
until url=$(grep -o 'http://127[^ ]*' "$dir/said"); do
    kill -0 $server 2>/dev/null || exit 1
    sleep 0.2
done
"$@" "$url"
