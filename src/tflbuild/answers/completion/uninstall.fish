# Takes the completion of tflbuild out of this shell: tflbuild -sc uninstall=fish | source
complete -e -c tflbuild
functions -e __tflbuild_complete
