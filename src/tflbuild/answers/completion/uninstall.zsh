# Takes the completion of tflbuild out of this shell: eval "$(tflbuild -sc uninstall=zsh)"
compdef -d tflbuild
unfunction _tflbuild_complete
