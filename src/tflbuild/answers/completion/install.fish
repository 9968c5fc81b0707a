# Completion of tflbuild in fish. In every shell from now on:
#   tflbuild -sc install=fish > ~/.config/fish/completions/tflbuild.fish
# In this shell alone:
#   tflbuild -sc install=fish | source
function __tflbuild_complete
    set -lx COMP_LINE (commandline -cp)
    set -lx COMP_POINT
    set -l command (commandline -cpo)[1]
    set -l found (eval $command -sc query=fish 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        # a file, behind KEY= or alone
        set -l key (string match -r '^.*=' -- (commandline -ct))
        for path in (__fish_complete_path (string replace -r '^.*=' '' -- (commandline -ct)))
            printf '%s%s\n' "$key" $path
        end
    end
end
complete -c tflbuild -f -a '(__tflbuild_complete)'
