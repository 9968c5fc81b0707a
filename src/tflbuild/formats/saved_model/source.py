"""Where a SavedModel lies: a folder, or a zip archive, whose members are read within limits."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tflbuild.core import file_kind
from tflbuild.core.errors import RecipeError
from tflbuild.core.plain_text import plain
from tflbuild.core.regular_file import read_regular
from tflbuild.formats.recognition import members

GRAPH, VARIABLES, CONFIG = "saved_model.pb", "variables", "pipeline.config"

MOST_GRAPH = 1 << 31
"""Bytes of a graph: protocol buffers have no more."""

MOST_TEXT = 1 << 22
"""Bytes of a configuration or label map."""

MOST_UNPACKED = 1 << 33
MOST_MEMBERS, MOST_RATIO = 4096, 1000
"""Limits of an archive: bytes and members in all, and how much smaller than its content a member may be."""

CHUNK = 1 << 20

DEEPEST = 2
"""Folders of an archive above `saved_model.pb`."""

ENDS = (".pbtxt", ".config", ".txt")


class Source:
    """The files of a SavedModel by name, from the folder that holds `saved_model.pb` on, and those beside it.

    Args:
        path: a folder or a zip archive.

    Raises:
        RecipeError: it cannot be read, or an archive is not one to be unpacked.
    """

    def __init__(self, path: Path) -> None:
        inner = "saved_model"
        if not (path / CONFIG).is_file() and (path / GRAPH).is_file() and (path.parent / CONFIG).is_file():
            path, inner = (
                path.parent,
                path.resolve().name,
            )  # of an export, the folder that has its configuration
        self.path = path
        self.packed = not path.is_dir()
        names = self._members() if self.packed else _listed(path, inner)
        found = sorted((name for name in names if _is_graph(name)), key=lambda name: (name.count("/"), name))
        if not found:
            raise RecipeError(f"model.path: '{plain(path)}' has no {GRAPH}.")
        self.names = frozenset(names)
        self.root = str(PurePosixPath(found[0]).parent).removeprefix(".")

    @property
    def graph(self) -> bytes:
        """Give the bytes of `saved_model.pb`."""
        return self.read(_joined(self.root, GRAPH), MOST_GRAPH)

    @property
    def variables(self) -> tuple[str, ...]:
        """Name the files of variables."""
        prefix = _joined(self.root, VARIABLES) + "/"
        return tuple(sorted(name for name in self.names if name.startswith(prefix)))

    @property
    def config(self) -> str:
        """Name the `pipeline.config` in the folder or in the one above; "" where there is none."""
        return next((one for one in self._beside(CONFIG) if one in self.names), "")

    def near(self, name: str) -> str:
        """Name the file that a configuration means by a path that may be of another machine; "" where it is absent."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            found = next((one for one in self._beside(tail) if one in self.names), "")
            if found:
                return found
        return ""

    def ending(self, suffix: str) -> list[str]:
        """Name the files in the folder, or in the one above, that end in a suffix."""
        places = {str(PurePosixPath(one).parent) for one in self._beside("x")}
        return sorted(
            one for one in self.names if one.endswith(suffix) and str(PurePosixPath(one).parent) in places
        )

    def files(self) -> tuple[Path, ...]:
        """Name what decides the model: the archive, or the graph, the variables, and the texts beside them."""
        if self.packed:
            return (self.path,)
        kept = [one for one in self.names if one.endswith(ENDS) and one in self._texts()]
        return tuple(
            self.path / one
            for one in sorted({_joined(self.root, GRAPH), *self.variables, *kept, *self._assets()})
        )

    def read(self, name: str, most: int) -> bytes:
        """Read a file.

        Raises:
            RecipeError: it is missing or too large.
        """
        try:
            if not self.packed:
                return read_regular(self.path / name, most)
            with self._archive() as archive, archive.open(name) as file:
                content = file.read(most + 1)
        except (
            OSError,
            ValueError,
            RuntimeError,
            NotImplementedError,
            KeyError,
            zipfile.BadZipFile,
        ) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RecipeError(
                f"model.path: '{plain(name)}' of '{plain(self.path)}' cannot be read: {reason}."
            ) from error
        if len(content) > most:
            raise RecipeError(
                f"model.path: '{plain(name)}' of '{plain(self.path)}' has more than {most} bytes."
            )
        return content

    def folder(self, scratch: Path, graph: bytes) -> Path:
        """Lay a folder out that holds the graph that was looked at, its variables and assets, and nothing else.

        TensorFlow would take a graph in another form that lies beside `saved_model.pb` before that.

        Args:
            scratch: where to.
            graph: bytes of `saved_model.pb`.
        """
        place = scratch / self.root
        place.mkdir(parents=True, exist_ok=True)
        (place / GRAPH).write_bytes(graph)
        for name in (*self.variables, *self._assets()):
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if self.packed:
                self._unpack(name, target)
            else:
                target.symlink_to((self.path / name).resolve())
        return place

    def _unpack(self, name: str, target: Path) -> None:
        with self._archive() as archive, archive.open(name) as file, target.open("wb") as to:
            while chunk := file.read(CHUNK):
                to.write(chunk)

    def _beside(self, name: str) -> Sequence[str]:
        above = str(PurePosixPath(self.root).parent).removeprefix(".") if self.root else ""
        return [_joined(folder, name) for folder in dict.fromkeys((self.root, above))]

    def _texts(self) -> set[str]:
        return {one for suffix in ENDS for one in self.ending(suffix)}

    def _assets(self) -> list[str]:
        prefix = _joined(self.root, "assets") + "/"
        return [name for name in self.names if name.startswith(prefix)]

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        with zipfile.ZipFile(self.path) as archive:
            yield archive

    def _members(self) -> list[str]:
        try:
            with self._archive() as archive:
                members = [one for one in archive.infolist() if not one.is_dir()]
        except Exception as error:
            raise RecipeError(f"model.path: '{plain(self.path)}' is a damaged archive.") from error
        reason = _unsafe(members)
        if reason:
            raise RecipeError(
                f"model.path: the archive '{plain(self.path)}' {reason}; nothing of it is unpacked."
            )
        return [one.filename for one in members]


def _unsafe(members: Sequence[zipfile.ZipInfo]) -> str:
    """Say why an archive is not one to be unpacked; "" where it is."""
    if len(members) > MOST_MEMBERS:
        return f"has {len(members)} members, too many for a SavedModel"
    if sum(one.file_size for one in members) > MOST_UNPACKED:
        return "is too large for a SavedModel"
    if len({one.filename for one in members}) < len(members):
        return "has two members with the same name"
    for one in members:
        name = PurePosixPath(one.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in one.filename or ":" in one.filename:
            return f"has a member '{plain(one.filename, 80)}', whose path leads outside"
        if (one.external_attr >> 16) & 0o170000 not in (0, 0o100000):
            return f"has a member '{plain(one.filename, 80)}' that is a link, or no file"
        if one.file_size > MOST_RATIO * max(one.compress_size, 1024):
            return f"has a member '{plain(one.filename, 80)}' that unpacks to {one.file_size} bytes"
    return ""


def _listed(path: Path, below: str) -> list[str]:
    """Name the files of a folder that may belong to a SavedModel in it, or in a folder below it."""
    folders = [path, path / below]
    inner = [one / name for one in folders for name in (VARIABLES, "assets")]
    found: Mapping[str, Path] = {
        one.relative_to(path).as_posix(): one
        for folder in (*folders, *inner)
        if folder.is_dir()
        for one in folder.iterdir()
        if one.is_file()
    }
    return list(found)


def _is_graph(name: str) -> bool:
    return PurePosixPath(name).name == GRAPH


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def holds(path: Path, beginning: bytes) -> bool:
    """Say whether a folder or an archive holds a SavedModel.

    Args:
        path: the folder or file.
        beginning: of the file; b"" of a folder.
    """
    if path.is_dir():
        return any((folder / GRAPH).is_file() for folder in (path, path / "saved_model"))
    if not beginning.startswith(file_kind.ZIP):
        return False
    return any(_is_graph(name) and name.count("/") <= DEEPEST for name in members(path))
