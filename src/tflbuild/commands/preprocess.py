"""`tflbuild preprocess`: the tensor that a delivered file takes for a sample, and what is wrong with that of an app."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tflbuild.commands.words import say
from tflbuild.core.command import command
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain

if TYPE_CHECKING:
    from tflbuild.analyses.mistakes.explained import Explained, Explanation
    from tflbuild.show.prepared import Summary

USAGE = "usage: tflbuild preprocess RUN_OR_TFLITE SAMPLE --out FILE.npy, or ... SAMPLE --tensor FILE.npy"


@command(
    "preprocess",
    "write a sample's input tensor, or find the mistake in an app's tensor",
    usage="RUN_OR_TFLITE SAMPLE --out X.npy | --tensor APP.npy",
)
def preprocess(words: list[str]) -> int:
    """Write the exact tensor that a delivered file takes for a picture, recording or array, as `.npy` (`--out`).

    With `--tensor`, hold a tensor that was dumped from an app to it: which mistake in preparing it, or which pair of
    mistakes, explains it, or that none does.

    Raises:
        RecipeError: a word is missing or wrong, or the file, the sample or the tensor cannot be used.
    """
    if len(words) != 4 or words[2] not in ("--out", "--tensor") or not all(words):
        raise RecipeError(USAGE)
    from tflbuild import plugins
    from tflbuild.engine.workers.apart import Apart, Suspect
    from tflbuild.show.delivered import model_file

    file, sample, other = model_file(Path(words[0])), Path(words[1]), Path(words[3])
    read = False

    def progress(done: float, total: float, note: str) -> None:
        nonlocal read
        read = True

    def suspect() -> Suspect:
        return Suspect(file if read else sample, "reading it", "it is damaged")

    with Apart(loader=(plugins.LOADER, plugins.default_folder())) as apart:
        name = "write_tensor" if words[2] == "--out" else "explain_tensor"
        made: Any = apart.call(
            f"tflbuild.show.prepared:{name}", file, sample, other, suspect=suspect, progress=progress
        )
    for line in _written(made, other) if words[2] == "--out" else _explained(made, other):
        say(line)
    return 0


def _written(made: Summary, out: Path) -> list[str]:
    spec = made.spec
    quantized = f", scale {spec.scale:.7g}, zero point {spec.zero_point}" if spec.scale else ""
    return [
        f"{plain(out)}: {spec.text}{quantized}; min {made.low:.6g}, mean {made.mean:.6g}, max {made.high:.6g}",
        made.words,
    ]


def _explained(made: Explained, tensor: Path) -> list[str]:
    lines = [f"{plain(tensor)}: {_verdict(made)}"]
    lines += [f"  {text}" for text in made.seen]
    if made.found is not None:
        lines += [
            f"  these give the same tensor on this sample: {_mistakes(same)}" for same in made.found.same[:5]
        ]
    lines.append(f"nearest of {made.tried} ways to prepare the sample, in steps of a code:")
    return [*lines, *(f"  {one.distance:8.3f}  {_mistakes(one.mistakes)}" for one in made.nearest)]


def _verdict(made: Explained) -> str:
    if made.found is None:
        return "no known mistake, and no pair of them, explains it"
    if made.found.mistakes:
        return f"explained by: {_mistakes(made.found.mistakes)}{_near(made.found)}"
    return "the numbers are right" + (", but" if made.seen else _near(made.found))


def _near(found: Explanation) -> str:
    return (
        ""
        if found.distance < 0.005
        else f" (within {found.distance:.2f} steps of a code, as other code rounds)"
    )


def _mistakes(some: Any) -> str:
    return "; ".join(one.how for one in some) if some else "as it should be"
