#compdef xcher
# Completion of xcher for zsh. The program gets the words up to the cursor as they were typed. It answers with a
# line that says what follows, then with candidates, and a tab and their help.
_xcher() {
    local line value what=
    local -a ended open shown_ended shown_open
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        if [[ -z $what ]]; then
            what=$line
        elif [[ $value == *[/=-] ]]; then
            open+=("$value") shown_open+=("${line/$'\t'/  -- }")
        else
            ended+=("$value") shown_ended+=("${line/$'\t'/  -- }")
        fi
    done < <(PROGRAM __complete zsh "${(@)words[1,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)
    if [[ $what == files ]]; then
        compset -P '--*='
        _files
        return
    fi
    # Candidates that go on, such as folders, get no space.
    (( $#open )) && compadd -S '' -V xcher -d shown_open -a open
    (( $#ended )) && compadd -V xcher -d shown_ended -a ended
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _xcher "$@"
else
    compdef _xcher xcher
fi
