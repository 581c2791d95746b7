# Completion of xcher for fish. The program gets the words before the cursor, and the last as it was typed. It
# answers with a line that says what follows, then with candidates, and a tab and their help.
function __xcher_ask
    # fish evaluates the condition of each line below: they share an answer.
    set -l line (commandline -cp)
    set -l now (date +%s)
    if test "$line" != "$__xcher_line"; or test (math $now - $__xcher_time) -gt 1
        set -g __xcher_reply (PROGRAM __complete fish (commandline -opc) (commandline -ct) 2>/dev/null </dev/null)
        set -g __xcher_line $line
        set -g __xcher_time (date +%s)
    end
end
function __xcher_wants_files
    __xcher_ask
    test "$__xcher_reply[1]" = files
end
function __xcher_values
    __xcher_ask
    set -l values $__xcher_reply
    set -e values[1]
    count $values >/dev/null; and printf '%s\n' $values
end
complete -c xcher -n __xcher_wants_files -F
complete -c xcher -n 'not __xcher_wants_files' -f -k -a '(__xcher_values)'
