"""Describe a `.pt2` by its program, as the `.tflite` that is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tflbuild.core import label_list
from tflbuild.core.errors import RecipeError
from tflbuild.core.model_format import Description, Evidence
from tflbuild.core.plain_text import plain
from tflbuild.formats.onnx.description import of_view
from tflbuild.formats.onnx.ends import Ends, ends_of
from tflbuild.formats.onnx.view import View
from tflbuild.formats.torch_export.archive import Archive
from tflbuild.formats.torch_export.program import Program, read
from tflbuild.formats.torch_export.view import view

DTYPES = ("float32", "int32", "int64")
"""Dtypes of inputs that samples can be given in."""


def check(path: Path) -> Program:
    """Refuse a file that nothing here could take in.

    Raises:
        RecipeError: it is damaged, holds code, or has operators that are not PyTorch's own.
    """
    with opened(path) as archive:
        found = read(archive)
    if not found.inputs or not found.outputs:
        missing = "output" if found.inputs else "input"
        raise RecipeError(f"model.path: '{plain(path)}' has no {missing}; it cannot be used.")
    for name, spec in found.inputs.items():
        if spec.dtype not in DTYPES:
            raise RecipeError(
                f"model.path: the input '{plain(name, 60)}' of '{plain(path)}' is {spec.text}; samples can "
                f"only be {', '.join(DTYPES)}; export the model in float32."
            )
    return found


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open the archive; what is wrong with it becomes a sentence.

    Raises:
        RecipeError: one sentence.
    """
    try:
        with Archive(path) as archive:
            yield archive
    except ValueError as error:
        raise RecipeError(f"model.path: '{plain(path)}' {plain(error, 500)}.") from error


def ends(program: Program, path: Path, shape: tuple[int, ...]) -> Ends:
    """Give inputs and outputs with every side fixed; outputs by the names of their tensors.

    Raises:
        RecipeError: a side is open, or the batch is not one sample.
        ValueError: `shape` does not fit.
    """
    return ends_of(view(program), f"'{plain(path)}'", shape)


def describe(path: Path, shape: tuple[int, ...] = ()) -> Description:
    """Read what a file says and shows.

    Args:
        path: the file.
        shape: of the one input, in the file's own order of axes, where the recipe says it.

    Raises:
        RecipeError: it cannot be taken in.
        ValueError: `shape` does not fit.
    """
    program = check(path)
    at_ends = ends(program, path, shape)
    graph = View(view(program), at_ends)
    written = Evidence("format", "torch.export", f"written by PyTorch {plain(program.torch, 40)}")
    return of_view(graph, at_ends, program.outputs, label_list.beside(path), written)
