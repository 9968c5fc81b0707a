"""Properties that tflbuild wrote into an ONNX file of its own: what it means, and how its ends are quantized."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.errors import RecipeError
from tflbuild.core.json_text import mapping_of
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain
from tflbuild.core.protobuf import Malformed
from tflbuild.core.regular_file import read_regular
from tflbuild.core.signature import Signature
from tflbuild.formats.onnx.graph import Read, read
from tflbuild.tflite import flatbuffer

SIGNATURE = "tflbuild_signature"
"""Property with the signature of the `.tflite` that a file was written of."""

MOST_BYTES = 2**31


def facts_of(found: Read, path: Path) -> Meaning | None:
    """Give what a file of our own means; None for one of somebody else.

    Raises:
        RecipeError: they are damaged.
    """
    text = found.properties.get(flatbuffer.FACTS)
    return Meaning.from_json(flatbuffer.parsed_facts(text.encode(), path)) if text else None


def meta_of(path: Path) -> Mapping[str, Any]:
    """Give the meta of a file that tflbuild delivered: `facts` and `signature`.

    Raises:
        RecipeError: it is none, or damaged.
    """
    try:
        properties = read(read_regular(path, MOST_BYTES)).properties
        signature = mapping_of(properties[SIGNATURE])
        facts = flatbuffer.parsed_facts(properties.get(flatbuffer.FACTS, "{}").encode(), path)
        return {"facts": facts, "signature": Signature.from_json(signature).to_json()}
    except (OSError, Malformed, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecipeError(
            f"{plain(path)} is not an ONNX file that tflbuild delivered; it cannot be used."
        ) from error
