#!/bin/sh
# What `make run` shows: fac at its main job, on the definitions it brings along and on a folder of Markdown in
# other people's dialects. No network, no key, nothing left behind. FAC is the binary.
set -eu

FAC=${FAC:?set FAC to the fac binary}
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
world=$(mktemp -d)
trap 'rm -rf -- "$world"' EXIT
trap 'exit 130' INT TERM
export FAC_HOME="$world/fac" FAC_NOTES="$world/notes" PAGER=cat
cd -- "$root"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    title='\033[1;36m%s\033[0m\n' prompt='\n\033[1;32m$\033[0m \033[1m%s\033[0m\n' dim='\033[2m%s\033[0m\n'
else
    title='%s\n' prompt='\n$ %s\n' dim='%s\n'
fi

# part TITLE: a heading.
part() {
    printf '\n'
    # shellcheck disable=SC2059
    printf "$title" "── $1"
}

# say TEXT: an aside.
say() {
    # shellcheck disable=SC2059
    printf "$dim" "$1"
}

# fac SHOWN WORDS…: the command line as one would type it, then what it answers. A refusal is shown, not fatal.
fac() {
    # shellcheck disable=SC2059
    printf "$prompt" "fac $1"
    shift
    code=0
    "$FAC" "$@" || code=$?
    if [ "$code" != 0 ]; then say "(exit code $code)"; fi
}

part "What fac brings along"
fac "commands ls disk" commands ls disk
fac "commands show todo add" commands show todo add

part "Running, on this project's own files"
fac "disk usage --count 6" disk usage --count 6
fac "dev lines src" dev lines src
fac 'calc "3 km + 200 m in mi"' calc "3 km + 200 m in mi"
fac 'note add "show fac to Ada"' note add "show fac to Ada"

part "Other people's Markdown: a maskfile, a tldr page, a Claude Code command, a fabric pattern"
fac "source add ./assets/demo --name demo" source add ./assets/demo --name demo
fac "commands ls --source demo" commands ls --source demo

part "Nothing from outside runs by itself"
fac "greet Ada" --no-input greet Ada </dev/null
fac "source trust demo --yes" source trust demo --yes

part "Arguments are data, whatever they hold"
fac "greet \"x'; touch PWNED; #\"" greet "x'; touch PWNED; #"
if [ -e PWNED ]; then
    echo "the argument was taken for code" >&2
    exit 1
fi
fac "label 'Tea & Biscuits' --width 22" label 'Tea & Biscuits' --width 22
fac "morning --name Ada --loud" morning --name Ada --loud
fac "plain_words --tone friendly --dry-run" plain_words --tone friendly --dry-run </dev/null

part "Everything is kept and found again"
fac "runs ls" runs ls
fac "search biscuits" search biscuits

printf '\n'
say "That was a throw-away home. Your own: fac commands ls, then fac source add github:OWNER/REPO"
