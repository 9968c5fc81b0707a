# Completion of tflbuild in zsh. In every shell from now on:
#   tflbuild -sc install=zsh >> ~/.zshrc
# In this shell alone:
#   eval "$(tflbuild -sc install=zsh)"
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
_tflbuild_complete() {
    local -a whole open
    local candidate
    local line="${LBUFFER}"
    while IFS= read -r candidate; do
        if [[ $candidate == *[=./@] ]]; then open+=("$candidate"); else whole+=("$candidate"); fi
    done < <(COMP_LINE="$line" COMP_POINT="${#line}" "${words[1]}" -sc query=zsh 2>/dev/null)
    if (( ${#whole} + ${#open} )); then
        compadd -Q -U -S '' -a open
        compadd -Q -U -a whole
    else
        compset -P '*='
        _files
    fi
}
compdef _tflbuild_complete tflbuild
