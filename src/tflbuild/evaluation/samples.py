"""Read one raw sample from a file of somebody else: a picture, or an `.npy` of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tflbuild.core.crash import described
from tflbuild.core.errors import RecipeError
from tflbuild.core.modality import Modality
from tflbuild.core.names import named
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular


def read_sample(path: Path, kind: Modality) -> Any:
    """Read a sample as a modality takes it: the pixels of a picture, or an array.

    Raises:
        RecipeError: it cannot be read.
    """
    if kind.reading and path.suffix != ".npy":
        return read_by(kind, path)
    return read_image(path) if kind.file == "image" else array_of(path, kind.file)


def read_by(kind: Modality, path: Path) -> Any:
    """Read a file as its modality says.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        return named(kind.reading)(path)
    except OSError as error:
        raise RecipeError(f"{plain(path)}: {plain(error.strerror or error)}") from error
    except ValueError as error:
        raise RecipeError(f"{plain(path)} {plain(error)}.") from error


def read_image(image: Path) -> npt.NDArray[np.uint8]:
    """Read a picture as it is meant to be seen, in the form that its modality takes.

    Raises:
        RecipeError: it cannot be decoded.
    """
    from tflbuild.modalities.image.files import read

    try:
        check_regular(image)
        return read(image)
    except OSError as error:
        raise RecipeError(f"{plain(image)}: {plain(error.strerror or error)}") from error
    except Exception as error:
        raise RecipeError(f"{plain(image)} cannot be decoded: {described(error)}") from error


def array_of(path: Path, what: str) -> npt.NDArray[np.generic]:
    """Read an array of numbers from an `.npy`; nothing is unpickled.

    Raises:
        RecipeError: it is no such file.
    """
    from tflbuild.core.array_file import BROKEN, LONGEST_HEADER
    from tflbuild.core.array_file import described as arrays_in

    try:
        held = arrays_in(path)
        if list(held) != ["array"]:
            raise RecipeError(
                f"{plain(path)} is an archive of arrays; the {what} is one array in an .npy file."
            )
        if not held["array"].is_numbers:
            raise RecipeError(
                f"{plain(path)} holds {plain(held['array'])}; the {what} is an array of numbers."
            )
        with path.open("rb") as file:
            found: npt.NDArray[np.generic] = np.lib.format.read_array(
                file, allow_pickle=False, max_header_size=LONGEST_HEADER
            )
            return found
    except FileNotFoundError as error:
        raise RecipeError(f"{plain(path)} does not exist; expected the {what} as an .npy file.") from error
    except BROKEN as error:
        said = plain(getattr(error, "strerror", None) or error)
        raise RecipeError(f"{plain(path)}: no {what} in an .npy file: {said}.") from error
