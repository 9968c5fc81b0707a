"""The photos that a user names, and the names of the pictures that are drawn of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tflbuild.core.errors import RecipeError
from tflbuild.core.image_files import IMAGE_SUFFIXES, below
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import check_regular
from tflbuild.data.layouts.recordings import SUFFIXES, is_recording_name
from tflbuild.show.delivered import why


def listed(images: Sequence[Path], without: Path) -> list[tuple[Path, bool]]:
    """Give the images with whether each came out of a folder.

    Args:
        images: files; of a folder all images below it by name, or all recordings.
        without: a folder whose images are none of them: what is drawn lies there.

    Raises:
        RecipeError: one is missing or no file, or a folder holds none.
    """
    found: list[tuple[Path, bool]] = []
    for image in images:
        try:
            if image.is_dir():
                found += [(one, True) for one in _images_in(image, without)]
                continue
            check_regular(image)
        except FileNotFoundError as error:
            raise RecipeError(f"{plain(image)} does not exist; expected an image file.") from error
        except (OSError, ValueError) as error:
            raise RecipeError(f"{plain(image)} cannot be read: {why(error)}.") from error
        found.append((image, False))
    return found


def _images_in(folder: Path, without: Path) -> list[Path]:
    inside = below(str(folder))
    found = [folder / name for name in inside.images or filter(is_recording_name, inside.others)]
    images = [path for path in found if not path.is_relative_to(without)]
    if not images:
        raise RecipeError(
            f"{plain(folder)} holds no image and no recording; expected "
            f"{', '.join(sorted((*IMAGE_SUFFIXES, *SUFFIXES)))}."
        )
    return images


def names_of(images: Sequence[Path], folder: Path) -> list[Path]:
    """Name the drawn images; a name that is taken gets a number."""
    taken: set[str] = set()
    named = []
    for image in images:
        name, count = image.stem, 1
        while name in taken:
            count += 1
            name = f"{image.stem}-{count}"
        taken.add(name)
        named.append(folder / f"{name}.png")
    return named
