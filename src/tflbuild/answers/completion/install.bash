# Completion of tflbuild in bash. In every shell from now on:
#   tflbuild -sc install=bash >> ~/.bashrc
# In this shell alone:
#   eval "$(tflbuild -sc install=bash)"
_tflbuild_complete() {
    local line="${COMP_LINE:0:COMP_POINT}" word head="" candidate breaks="" sign
    word="${line##*[[:space:]]}"
    # readline replaces what stands behind the last of its word breaks alone
    for sign in = : @; do
        [[ $COMP_WORDBREAKS == *"$sign"* ]] && breaks+="$sign"
    done
    if [[ $word == [\'\"]* ]]; then
        word="${word:1}"
    elif [[ -n $breaks && $word == *[$breaks]* ]]; then
        head="${word%"${word##*[$breaks]}"}"
    fi
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("${candidate#"$head"}")
    done < <(COMP_LINE="$line" COMP_POINT="${#line}" "${COMP_WORDS[0]}" -sc query=bash 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != *[=./@] ]]; then
        compopt +o nospace
    fi
}
complete -o nospace -o default -F _tflbuild_complete tflbuild
