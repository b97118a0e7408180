# bash completion for fac; made by `fac completions bash`
_fac() {
    local value
    COMPREPLY=()
    while IFS= read -r value; do
        if [[ "$value" == ":files" ]]; then
            compopt -o default 2>/dev/null
            continue
        fi
        COMPREPLY+=("$value")
    done < <("${COMP_WORDS[0]}" __complete --bash "$COMP_WORDBREAKS" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    # More is to be typed behind these.
    [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=:] ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -F _fac fac
