"""Compare a model with the one it was made of, on real samples: output by output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tflbuild.core.compiler_pass import PassContext
from tflbuild.core.meaning import Meaning
from tflbuild.core.plain_text import plain

SAMPLES = 32
"""Samples that a model is held to its source on, or as many as the train split has."""

TOLERANCE = 1e-4
"""Largest difference, relative to the largest value of the output, that float kernels may make."""

UNCHANGING = 1e-2
"""Standard deviation over the samples, relative to the largest value, below which an output hardly changes: a file that
gave the same for every sample would be taken for right, or nearly so."""


def sample_batch(meaning: Meaning, ctx: PassContext, count: int = SAMPLES) -> dict[str, Any]:
    """Give samples from all over the train split as the model takes them: by input, (samples, ...) float32."""
    import numpy as np

    from tflbuild.evaluation.examples import Encoder

    encoder = Encoder(meaning)
    values = [encoder.values(value, key) for key, value in sample_values(ctx, count).items()]
    return {name: np.stack([one[name] for one in values]) for name in meaning.inputs}


def sample_values(ctx: PassContext, count: int = SAMPLES) -> dict[str, Any]:
    """Give raw samples from all over the train split, by their keys."""
    split = ctx.dataset("data.train")
    places = sorted({len(split) * number // count for number in range(count)})
    return {split.samples[place].key: split[place].value for place in places}


def compared(
    wanted: Mapping[str, Any], found: Mapping[str, Any], samples: int = 0
) -> dict[str, dict[str, float]]:
    """Compare outputs by name.

    Args:
        wanted: what they are held to.
        found: of the same names and shapes.
        samples: that they are of; 0 where each row is of one.

    Returns:
        For each output `difference`, the largest absolute one, `size`, the largest absolute value of what it is held
        to, and `images`, how many samples. Where each row is of one of several samples, also `spread`: the largest
        standard deviation of a value over the samples.
    """
    import numpy as np

    differences = {
        name: {
            "difference": float(np.max(np.abs(found[name] - values))),
            "size": float(np.max(np.abs(values))),
            "images": samples or len(values),
        }
        for name, values in wanted.items()
    }
    with np.errstate(invalid="ignore", over="ignore"):
        for name, one in differences.items():
            if 1 < len(wanted[name]) == one["images"]:
                one["spread"] = float(np.max(np.std(wanted[name], axis=0, dtype=np.float64)))
    return differences


def noted(of: str, differences: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Give what is noted of a comparison: `of`, `outputs`, and `weak`, a sentence, where it proves little.

    Args:
        of: what the outputs were compared with, as a sentence names it.
        differences: of each output, as `compared` gives them.
    """
    return {"of": of, "outputs": differences} | ({"weak": said} if (said := _weakness(differences)) else {})


def _weakness(differences: Mapping[str, Mapping[str, float]]) -> str:
    """Say that outputs hardly change between the samples; "" where all do."""
    still = {
        name: one
        for name, one in differences.items()
        if "spread" in one and one["spread"] <= UNCHANGING * one["size"]
    }
    if not still:
        return ""
    named = "".join(f", '{plain(name, 60)}'" for name in still) if len(still) < len(differences) else ""
    most = max(still.values(), key=lambda one: one["spread"] / one["size"] if one["size"] else 0.0)
    said = f"outputs{named[1:]}" if len(still) > 1 or not named else f"output{named[1:]}"
    return (
        f"The {said} hardly {'change' if said.startswith('outputs') else 'changes'} between the samples (standard "
        f"deviation {most['spread']:.2g} of size {most['size']:.3g}), so this comparison proves little."
    )


def finished_alike(
    wanted: Mapping[str, Any], found: Mapping[str, Any], meaning: Meaning
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bring a user's file's outputs to what a file gives that ends in what its task appends; others stay as they are.

    Rows behind those that count, which nothing ever writes, are left out.

    Args:
        wanted: outputs of the user's file, (samples, ...) by name.
        found: those of the file that was made of it.
        meaning: of the user's file.
    """
    import numpy as np

    if wanted.keys() == found.keys():
        return dict(wanted), dict(found)
    finish = meaning.kind.finisher(meaning, whole=False)
    rows = [
        finish({name: values[place] for name, values in wanted.items()})
        for place in range(len(next(iter(wanted.values()))))
    ]
    ours = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    theirs = {
        name: np.concatenate([found[name][place][: len(row[name])] for place, row in enumerate(rows)])
        for name in rows[0]
    }
    return ours, theirs


def breaches(differences: Mapping[str, Mapping[str, float]], tolerance: float = TOLERANCE) -> list[str]:
    """Say of each output that differs too much by how much: "scores differ by up to 0.2, of 0.9"."""
    return [
        f"{name} differ by up to {found['difference']:.3g}, where they reach {found['size']:.3g}"
        for name, found in differences.items()
        if not found["difference"] <= tolerance * found["size"]
    ]
