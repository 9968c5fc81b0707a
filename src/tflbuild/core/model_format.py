"""Formats: kinds of model file, recognised by their content and read without a framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from tflbuild.core.registry import Registry
from tflbuild.core.signature import Signature

FORMATS: Registry[Format] = Registry("format", "model_format", "formats")


class Evidence(NamedTuple):
    """Something that was recognised in a user's file: what, its value, and what shows it; each for people."""

    what: str
    value: str
    evidence: str

    def to_json(self) -> dict[str, str]:
        """Give the form that report.json's `recognised` holds."""
        return {"what": self.what, "value": self.value, "evidence": self.evidence}


@dataclass(frozen=True, kw_only=True)
class Description:
    """Facts of a model file, as planning reads them.

    Attributes:
        signature: inputs and outputs.
        task: name of the task that its outputs are of; "" where that does not show.
        labels: class names by index, by where they are written; empty where nothing says them.
        inputs: by input, the name of its modality and the options of `preprocess` that the file says.
        head: what only the task knows.
        quantized: scheme of a file that is quantized already, e.g. "int8"; "" for a float one.
        classes: how many classes a detector tells apart whose names the file does not say; 0 where that does not show.
        recognised: the evidence for each of these.
        parts: of an output that is joined of several tensors, the axis, and how much of it each takes.
        listed: every list of class names that the file has or that lies beside it, by where it is written; also those
            that do not fit the outputs, as far as these are recognised.
        held: options of `preprocess` that the file's own graph applies to its pixels, so that the pass that takes it
            in would find others to compute something else.
    """

    signature: Signature
    task: str = ""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    head: Mapping[str, Any] = field(default_factory=dict)
    quantized: str = ""
    classes: int = 0
    recognised: tuple[Evidence, ...] = ()
    parts: Mapping[str, tuple[int, tuple[int, ...]]] = field(default_factory=dict)
    listed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    held: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give a JSON-able form, to be kept."""
        return {
            **asdict(self),
            "signature": self.signature.to_json(),
            "inputs": {name: [modality, dict(options)] for name, (modality, options) in self.inputs.items()},
            "recognised": [list(one) for one in self.recognised],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Description:
        """Read what `to_json` gave."""
        return cls(
            **{
                **value,
                "signature": Signature.from_json(value["signature"]),
                "labels": {where: tuple(names) for where, names in value["labels"].items()},
                "inputs": {
                    name: (modality, options) for name, (modality, options) in value["inputs"].items()
                },
                "recognised": tuple(Evidence(*one) for one in value["recognised"]),
                "parts": {name: (axis, tuple(sides)) for name, (axis, sides) in value["parts"].items()},
                "held": tuple(value.get("held", ())),
                "listed": {where: tuple(names) for where, names in value["listed"].items()},
            }
        )


class Asked(NamedTuple):
    """Choices of a recipe that a model file leaves open.

    Attributes:
        signature: name of the one that is built, `model.signature`; "" for the only one.
        shape: of the one input, its batch first, `model.shape`; () where the file says it.
    """

    signature: str = ""
    shape: tuple[int, ...] = ()


class Format:
    """Base of every format. Declared with `@model_format("name")`."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    """Name in lists of formats, where that is another's: people see one format, whatever takes its files in."""
    suffixes: ClassVar[tuple[str, ...]] = ()
    """Usual endings of such files, for messages; content decides."""
    kind: ClassVar[str] = ""
    """Kind of the artifact that `loader` gives."""
    loader: ClassVar[str] = ""
    """Name of the pass that takes such a file in."""

    def recognises(self, path: Path, beginning: bytes) -> bool:
        """Say whether a file or folder is of this format.

        Args:
            path: the file or folder.
            beginning: the first 4096 bytes of a file; b"" of a folder.
        """
        raise NotImplementedError

    def takes(self, path: Path, beginning: bytes) -> bool:
        """Say whether a file or folder can be read as this format where `model.format` names it; else `recognises`."""
        return self.recognises(path, beginning)

    def otherwise(self, path: Path) -> str:
        """Name the format that takes a file, too, if what `loader` makes of it does not compute the same; "" for none.

        Args:
            path: a file of this format.
        """
        return ""

    def check(self, path: Path) -> None:
        """Refuse, while planning, a file that is not well-formed or that would run code; one that `describe` refuses.

        Raises:
            RecipeError: one sentence.
        """
        self.describe(path)

    def describe(self, path: Path) -> Description:
        """Read what a file says and shows, without a framework.

        Raises:
            RecipeError: it cannot be read.
        """
        raise NotImplementedError

    def describe_as(self, path: Path, asked: Asked) -> Description:
        """Read what a file says and shows, where the recipe says which of several things it is; `describe` for none.

        Raises:
            RecipeError: it cannot be read, or what is asked does not fit it.
            ValueError: the format leaves nothing open; "signature: ..." or "shape: ...".
        """
        for option, value in asked._asdict().items():
            if value:
                name = self.title or self.name
                raise ValueError(
                    f"{option}: a file of the format '{name}' says it itself; leave model.{option} out"
                )
        return self.describe(path)

    def files(self, path: Path) -> tuple[Path, ...]:
        """Name the files that a model consists of, all those of a folder; their content enters the cache key."""
        return tuple(sorted(file for file in path.rglob("*") if file.is_file())) if path.is_dir() else (path,)

    def fingerprint(self, path: Path) -> str:
        """Give a digest of what decides later results of a file; by default that of its bytes."""
        from tflbuild.core import digest

        return digest.of_file(path)


model_format = FORMATS.declare
"""Class decorator: declare a format under a name."""
