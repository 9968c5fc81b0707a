"""A file of Keras 3: what of it is kept beside the configuration in the form of tf_keras."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tflbuild.core.plain_text import plain
from tflbuild.formats.keras.inert import Unwanted
from tflbuild.formats.keras.keras3.entries import GRAPHS
from tflbuild.formats.keras.keras3.model import translated
from tflbuild.formats.keras.keras3.names import inert
from tflbuild.formats.keras.keras3.refusal import WAY_OUT

VERSION = re.compile(r"(\d{1,3})(\.[0-9A-Za-z.+-]*)?")


@dataclass(frozen=True)
class Origin:
    """The model as Keras 3 wrote it.

    Attributes:
        config: its configuration, with built-in layers alone; None where it is refused.
        refused: why it is refused, which completes "in 'FILE', "; "" where it is not.
        lacking: clauses that name the layers without an equal in tf_keras; empty where it is translated.
    """

    config: Mapping[str, Any] | None
    refused: str = ""
    lacking: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Say why it is not translated; "" where it is."""
        more = len(self.lacking) - 1
        others = f" (and {more} more layer{'s' if more > 1 else ''} of such kinds)" if more > 0 else ""
        return f"{self.lacking[0]}{others}" if self.lacking else ""


NOTHING: Mapping[str, Any] = {"class_name": "Functional", "config": {"name": "model", "layers": []}}
"""The configuration in the place of one that is refused."""


def is_third(version: str) -> bool:
    """Say whether Keras 3 or a later one wrote a file, by the version that it says."""
    found = VERSION.fullmatch(version)
    return found is not None and int(found[1]) >= 3


def taken(config: Mapping[str, Any]) -> tuple[Mapping[str, Any], Origin]:
    """Give a model's configuration as tf_keras would write it, and what it came from.

    That of a model that is refused holds no layers; in one that is not translated, layers without an equal are those of
    Keras 3.

    Raises:
        ValueError: it is not what Keras 3 writes; the message completes "it ".
    """
    kind = config.get("class_name")
    if kind not in GRAPHS or not isinstance(config.get("config"), dict) or "layers" not in config["config"]:
        said = f"the model is a subclassed one ('{plain(kind, 60)}'), whose graph is Python code; {WAY_OUT}"
        return NOTHING, Origin(None, f"{said}, or rebuild it as keras.Model(inputs, outputs).")
    try:
        made, lacking = translated(config)
        return made, Origin(inert(config), lacking=lacking)
    except Unwanted as error:
        return NOTHING, Origin(None, str(error))
