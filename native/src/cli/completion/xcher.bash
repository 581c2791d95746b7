# Completion of xcher for bash. The program gets the line up to the cursor, and the part of it that bash
# replaces. It answers with a line that says what follows, then with candidates, quoted: bash quotes file names
# alone, and not all of them.
_xcher() {
    local line what=
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $what ]]; then
            what=$line
        else
            COMPREPLY+=("${line%%$'\t'*}")
        fi
    done < <(PROGRAM __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null </dev/null)
    if [[ $what == files ]]; then
        compopt -o default 2>/dev/null || IFS=$'\n' COMPREPLY=($(compgen -f -- "$2"))
    elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=-] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _xcher xcher
