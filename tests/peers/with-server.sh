#!/bin/sh
# Starts the scripted model server of the tests, runs a command with the server's address behind its words, and ends it.
# It fails when the command fails and when the server was sent what the vendors would refuse.
set -eu
dir=$(mktemp -d)
mkfifo "$dir/door"
${CARGO:-cargo} test --locked --test it -- --ignored --exact --nocapture model_server::model_server_for_peers \
    <"$dir/door" >"$dir/said" 2>&1 &
server=$!
exec 3>"$dir/door"
until url=$(grep -o 'http://127[^ ]*' "$dir/said"); do
    kill -0 $server 2>/dev/null || { cat "$dir/said" >&2; exit 1; }
    sleep 0.2
done
code=0
"$@" "$url" || code=$?
exec 3>&-
wait $server || { cat "$dir/said" >&2; code=1; }
rm -rf "$dir"
exit $code
