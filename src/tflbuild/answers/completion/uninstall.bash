# Takes the completion of tflbuild out of this shell: eval "$(tflbuild -sc uninstall=bash)"
complete -r tflbuild 2>/dev/null
unset -f _tflbuild_complete
