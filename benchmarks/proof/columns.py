"""The columns of the proof, in the order in which they are made: what needs no further training comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from proof import calibration, litert
from proof.bench import Bench, Made
from proof.product import Pipeline

Cell = dict[str, Any]
Found = Iterator[tuple[str, Cell]]

TITLES = {
    "float": "float",
    "tf": "TF converter int8",
    "litert_default": "LiteRT Quantizer, default",
    "litert_minmax": "LiteRT Quantizer, min/max",
    "fixed": "ours, best fixed setting in hindsight",
    "auto": "ours, auto",
    "narrow": "ours, auto, final scores in int8 too",
    "learned": "ours, learned rounding",
    "mixed": "ours, mixed",
    "int16x8": "ours, int16x8",
    "tf_per_tensor": "TF converter per-tensor",
    "per_tensor": "ours, auto, per-tensor",
    "qat_control": "float, trained on as long as QAT",
    "qat": "QAT",
    "prune_control": "float, trained on as long as pruning",
    "pruned": "pruned 50 %, then int8",
    "pqat_control": "float, trained on as long as PQAT",
    "pqat": "pruned 50 %, QAT that keeps the zeros",
    "noise_tf": "normal noise, TF converter",
    "noise_litert": "normal noise, LiteRT Quantizer default",
    "noise_auto": "normal noise, ours auto",
    "one_tf": "one image, TF converter",
    "one_litert": "one image, LiteRT Quantizer default",
    "one_auto": "one image, ours auto",
    "bytes_tf": "images left in 0..255, TF converter",
    "bytes_litert": "images left in 0..255, LiteRT Quantizer default",
    "ill_float": "float, channels rescaled",
    "ill_tf": "TF converter int8",
    "ill_tf_per_tensor": "TF converter per-tensor",
    "ill_litert": "LiteRT Quantizer, default",
    "ill_auto": "ours, auto",
    "ill_per_tensor": "ours, auto, per-tensor",
}
"""Every cell by name, as the table calls it."""

FIXED = tuple(
    {"ranges": ranges, "equalize": equalize, "correct_bias": corrected}
    for ranges, (equalize, corrected) in product(
        ("minmax", "p99.999", "mse"), (("none", False), ("none", True), ("weights", True))
    )
)
"""Fixed settings of which the one with the least error on the test images is shown: what no method could know."""

NARROW = {"method": "auto", "scores": "int8"}
"""`auto` without the 16 bits that it gives to final scores, to tell what of its gain they are."""

LEARNED = {
    "method": "fixed",
    "ranges": "mse",
    "equalize": "weights",
    "correct_bias": True,
    "round": "learned",
}
"""AdaRound on top of one fixed setting."""

MAX_DROP = 0.005
"""Budget of the mixed model."""

DISTILLED = ("prune.distill.weight=0.5", "prune.distill.temperature=2")


def int8(bench: Bench) -> Found:
    """Make what needs only the float file."""
    stock = bench.stock({"tf_per_tensor": ("float", _extremes(bench), True)})
    yield "float", bench.floating()
    yield "tf", bench.built("tf", _stock(bench))
    yield (
        "litert_default",
        bench.made("litert_default", lambda path: Made(litert.by_default(path, bench.images)), 1),
    )
    yield (
        "litert_minmax",
        bench.made("litert_minmax", lambda path: Made(litert.by_extremes(path, bench.images)), 1),
    )
    yield "auto", bench.built("auto", _quantized(bench, "quantize.method=auto"))
    yield "fixed", fixed(bench)
    yield "narrow", bench.made("narrow", bench.quantized(NARROW), NARROW)
    yield "tf_per_tensor", stock["tf_per_tensor"]
    yield (
        "per_tensor",
        bench.built("per_tensor", _quantized(bench, "quantize.method=auto", "quantize.granularity=tensor")),
    )
    yield "mixed", bench.built("mixed", _mixed(bench))
    yield "int16x8", bench.made("int16x8", bench.quantized({"scheme": "int16x8"}), 1)


def learned(bench: Bench) -> Found:
    """Make what takes minutes, and gains little at 8 bits."""
    yield "learned", bench.made("learned", bench.quantized(LEARNED), LEARNED)


def fixed(bench: Bench) -> Cell:
    """Give the fixed setting with the least output error on the test images."""
    found = [
        bench.made(f"fixed_{number}", bench.quantized({"method": "fixed", **setting}), setting)
        | {"setting": setting}
        for number, setting in enumerate(FIXED)
    ]
    known = [cell for cell in found if "error" not in cell]
    return min(known, key=lambda cell: error_of(cell["errors"])) if known else found[0]


def error_of(errors: dict[str, float]) -> float:
    """Give one number for the errors of a cell: the geometric mean over its outputs."""
    values = [errors[name] for name in ("scores", "boxes") if name in errors]
    return float(np.exp(np.mean(np.log(np.maximum(values, 1e-12)))))


def trouble(bench: Bench) -> Found:
    """Make what is commonly made by mistake."""
    wrong = {
        "noise": calibration.normalised(calibration.noise(bench.pixels.shape, bench.facts), bench.facts),
        "one": bench.images[:1],
        "bytes": bench.pixels.astype(np.float32),
    }
    stock = bench.stock({f"{name}_tf": ("float", images, False) for name, images in wrong.items()})
    for name, images in wrong.items():
        yield f"{name}_tf", stock[f"{name}_tf"]
        yield (
            f"{name}_litert",
            bench.made(
                f"{name}_litert", lambda path, images=images: Made(litert.by_default(path, images)), name
            ),
        )
    noise = bench.source_of("noise", calibration.noise(bench.pixels.shape, bench.facts))
    yield "noise_auto", bench.built("noise_auto", _quantized(bench, "quantize.method=auto", source=noise))
    yield "one_auto", bench.built("one_auto", _quantized(bench, "quantize.method=auto", samples=1))


def ill(bench: Bench) -> Found:
    """Make what an ill-conditioned layer spoils."""
    spoilt = bench.made("ill_float", bench.rescaled, "ill")
    yield "ill_float", spoilt
    if "error" in spoilt:
        return
    images = _extremes(bench)
    stock = bench.stock(
        {"ill_tf": ("ill_float", images, False), "ill_tf_per_tensor": ("ill_float", images, True)}
    )
    yield from stock.items()
    for name, make, causes in (
        ("ill_litert", lambda path: Made(litert.by_default(path, bench.images)), 1),
        ("ill_auto", bench.quantized({"method": "auto"}), 1),
        ("ill_per_tensor", bench.quantized({"method": "auto", "granularity": "tensor"}), 1),
    ):
        yield name, bench.made(name, make, causes, "ill_float")


def trained(bench: Bench) -> Found:
    """Make what is trained on, each beside a float control of as many steps at the same learning rates."""
    steps, fast, slow = bench.tune, "learning_rate=1.5e-3", "learning_rate=5e-4"
    control = {"tune": "train_on", "settle": "train_on"}
    dense = [f"tune.steps={steps}", f"tune.{fast}"]
    settled = [f"settle.steps={steps}", f"settle.{slow}"]
    pruning = {"prune": "prune", "reestimate": "reestimate_bn"}
    pruned = [
        "prune.schedule=polynomial",
        "prune.sparsity=0.5",
        f"prune.steps={steps}",
        f"prune.{fast}",
        *DISTILLED,
    ]
    tuning = [f"qat.steps={steps}", f"qat.{slow}"]
    convert = ["convert"]

    def float_control(name: str, order: list[str], options: list[str]) -> Cell:
        steps = {label: control[label] for label in order}
        pipeline = Pipeline(steps=steps, order=["train", *order, *convert], options=options, timed=order)
        return bench.built(name, pipeline)

    yield "qat_control", float_control("qat_control", ["settle"], settled)
    yield (
        "qat",
        bench.built(
            "qat",
            Pipeline(steps={"qat": "qat"}, order=["train", "qat", *convert], options=tuning, timed=["qat"]),
            "qat_control",
        ),
    )
    yield "prune_control", float_control("prune_control", ["tune"], dense)
    yield (
        "pruned",
        bench.built(
            "pruned",
            Pipeline(
                steps={**pruning, "quantize": "quantize"},
                order=["train", "prune", "reestimate", *convert, "quantize"],
                options=[*pruned, *bench.calibrated("quantize")],
                timed=["prune", "reestimate", "quantize"],
            ),
            "prune_control",
        ),
    )
    yield "pqat_control", float_control("pqat_control", ["tune", "settle"], [*dense, *settled])
    yield (
        "pqat",
        bench.built(
            "pqat",
            Pipeline(
                steps={**pruning, "qat": "qat"},
                order=["train", "prune", "reestimate", "qat", *convert],
                options=[*pruned, *tuning],
                timed=["prune", "reestimate", "qat"],
            ),
            "pqat_control",
        ),
    )


MAKERS: dict[str, Callable[[Bench], Found]] = {
    "int8": int8,
    "trouble": trouble,
    "ill": ill,
    "trained": trained,
    "learned": learned,
}
"""What makes each group."""


def _quantized(bench: Bench, *options: str, source: Any = None, samples: int | None = None) -> Pipeline:
    return Pipeline(
        steps={"quantize": "quantize"},
        order=["train", "convert", "quantize"],
        options=[*options, *bench.calibrated("quantize", source, samples)],
    )


def _stock(bench: Bench) -> Pipeline:
    return Pipeline(
        steps={"stock": "convert_quantized"},
        order=["train", "stock"],
        options=bench.calibrated("stock"),
    )


def _mixed(bench: Bench) -> Pipeline:
    return Pipeline(
        steps={"mixed": "quantize_mixed"},
        order=["train", "convert", "mixed"],
        options=[*bench.calibrated("mixed"), f"mixed.budget.{bench.row.metric}.max_drop={MAX_DROP}"],
    )


def _extremes(bench: Bench) -> Any:
    """Give the calibration images with a black and a white pixel in the first, as `convert_quantized` does."""
    images = bench.images.copy()
    black, white = calibration.normalised(np.array([[[[0] * 3, [255] * 3]]], np.uint8), bench.facts)[0, 0]
    images[0, 0, 0], images[0, -1, -1] = black, white
    return images
