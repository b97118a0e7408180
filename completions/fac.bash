# bash completion for fac; made by `fac completions bash`
_fac() {
    local line value words=()
    local cur="${COMP_WORDS[COMP_CWORD]}"
    # Put together again what bash took apart at colons and equal signs.
    local typed="${COMP_LINE:0:COMP_POINT}"
    read -r -a words <<<"$typed"
    [[ "$typed" == *[[:space:]] ]] && words+=("")
    COMPREPLY=()
    local last="${words[${#words[@]}-1]}"
    while IFS=$'\t' read -r value line; do
        if [[ "$value" == ":files" ]]; then
            compopt -o default 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$cur")
            continue
        fi
        # Bash replaces only the part behind the last colon.
        if [[ "$last" == *:* && "$COMP_WORDBREAKS" == *:* ]]; then
            value="${value#"${last%"${last##*:}"}"}"
        fi
        COMPREPLY+=("$(printf '%q' "$value")")
    done < <("${COMP_WORDS[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _fac fac
