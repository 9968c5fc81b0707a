"""The faults: what is planted in which subject, how strongly, and the causes that are right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tflbuild.data.scenes.sign_set import CLASSES

UNIT, TWICE, HALF = (f"{factor / 255:.17g}" for factor in (1, 2, 0.5))

NONE = "none"
"""The name of a case in which nothing is planted."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault in a subject.

    Attributes:
        subject: its name in `SUBJECTS`.
        fault: its name; `NONE` for none.
        strength: in words.
        right: names of causes, any of which is right; one that ends with a dot stands for all that begin so.
        reading: keys that are typed otherwise than the model is to be read.
        build: further words of the build.
        altered: a job of the surgery on the base, and its number.
        swapped: whether the altered model is what the file is made of, and the base is left as it was.
        converter: whether TensorFlow's converter makes the file; `tensor` for one scale a tensor.
        calibration: what the converter calibrates on, see `calibrating`.
        file: a file that others made of the base, below the folder of models.
        recipe: that builds it.
        source: what tflbuild calibrates on, likewise, as pictures or rows.
        curable: whether an override can cure it.
    """

    subject: str
    fault: str
    strength: str = ""
    right: tuple[str, ...] = ()
    reading: Mapping[str, str] = field(default_factory=dict)
    build: tuple[str, ...] = ()
    altered: tuple[str, float] | None = None
    swapped: bool = False
    converter: str = ""
    calibration: str = ""
    source: str = ""
    file: str = ""
    recipe: str = "int8"
    curable: bool = True

    @property
    def foreign(self) -> bool:
        """Say whether another tool than tflbuild makes the file."""
        return bool(self.converter or self.file)

    @property
    def name(self) -> str:
        """Give a word for folders and tables."""
        words = " ".join((self.subject, self.fault, self.strength))
        return "-".join(re.findall(r"[\w.]+", words))


def cases() -> Iterator[Case]:
    """Give every case; those without a fault first."""
    yield from _unfaulted()
    yield from _read_wrongly()
    yield from _named_wrongly()
    yield from _calibrated_wrongly()
    yield from _altered()
    yield from _built_wrongly()


def _unfaulted() -> Iterator[Case]:
    for subject in ("people", "crops", "signs", "blood", "frames", "words", "photos"):
        yield Case(subject=subject, fault=NONE, strength="tflbuild")
    for subject in ("people", "crops", "frames"):
        yield Case(
            subject=subject, fault=NONE, strength="TF converter", converter="channel", calibration="good"
        )
    yield Case(subject="people", fault=NONE, strength="MLPerf", file="mlperf_tiny/vww_96_int8.tflite")
    regular = "odapi/ssd_mobilenet_v2/tflite/int8_regular_nms100_uint8_input.tflite"
    yield Case(subject="blood", fault=NONE, strength="TF converter", file=regular)


def _read_wrongly() -> Iterator[Case]:
    """Type what the model's file does not say, and type it wrongly."""
    for subject in ("people", "crops", "signs", "blood"):
        yield _typed(subject, "BGR", "", "pixels.channels", channels="bgr")
    yield _typed("people", "wrong scale", "0..255", "pixels.scale", scale="1")
    yield _typed("people", "wrong scale", "twice", "pixels.scale", scale=TWICE)
    yield _typed("people", "wrong scale", "half", "pixels.scale", scale=HALF)
    yield _typed("crops", "wrong scale", "0..255", "pixels.scale", scale="1", offset="0")
    yield _typed(
        "crops",
        "wrong scale",
        "0..1",
        "pixels.scale",
        "pixels.offset",
        scale=UNIT,
        offset="0",
    )
    yield _typed("crops", "wrong scale", "half", "pixels.scale", scale="0.00390625")
    yield _typed("crops", "wrong scale", "twice", "pixels.scale", "pixels.offset", scale="0.015625")
    yield _typed("crops", "wrong scale", "a quarter", "pixels.scale", scale="0.001953125")
    yield _typed(
        "crops", "wrong scale", "ImageNet", "pixels.scale", "pixels.offset", scale="0.0171", offset="-2.1"
    )
    yield _typed(
        "signs",
        "wrong scale",
        "0..1",
        "pixels.scale",
        "pixels.offset",
        scale=UNIT,
        offset="0",
    )
    yield _typed(
        "blood",
        "wrong scale",
        "0..1",
        "pixels.scale",
        "pixels.offset",
        scale=UNIT,
        offset="0",
    )
    yield _typed(
        "people",
        "wrong offset",
        "-1..1",
        "pixels.offset",
        "pixels.scale",
        scale=TWICE,
        offset="-1",
    )
    yield _typed("people", "wrong offset", "-0.5", "pixels.offset", offset="-0.5")
    yield _typed("crops", "wrong offset", "0", "pixels.offset", offset="0")
    yield _typed("crops", "wrong offset", "-0.5", "pixels.offset", offset="-0.5")
    yield _typed("crops", "wrong offset", "one half", "pixels.offset", "pixels.scale", offset="0.5")
    yield _typed("crops", "wrong offset", "-2", "pixels.offset", "pixels.scale", offset="-2")
    yield _typed("crops", "grey", "", "pixels.channels", channels="grey")
    for subject in ("people", "crops", "signs", "blood"):
        yield _typed(subject, "nearest", "", "pixels.resize", resize="nearest", antialias="false")
    yield _typed("people", "aspect", "crop", "pixels.aspect", aspect="center_crop")
    yield _typed("signs", "aspect", "letterbox", "pixels.aspect", aspect="letterbox")


def _typed(subject: str, fault: str, strength: str, *right: str, **keys: str) -> Case:
    reading = {f"preprocess.{key}": value for key, value in keys.items()}
    return Case(subject=subject, fault=fault, strength=strength, right=right, reading=reading)


def _named_wrongly() -> Iterator[Case]:
    """Name the classes in another order than the model has them."""
    orders = {
        "people": {"swapped": ("person", "no_person")},
        "crops": {
            "by one": (*CLASSES[1:], CLASSES[0]),
            "alphabetical": tuple(sorted(CLASSES)),
            "two swapped": (CLASSES[1], CLASSES[0], *CLASSES[2:]),
            "two others swapped": (*CLASSES[:6], CLASSES[7], CLASSES[6]),
            "three turned": (CLASSES[2], CLASSES[0], CLASSES[1], *CLASSES[3:]),
            "reversed": tuple(reversed(CLASSES)),
            "by two": (*CLASSES[2:], *CLASSES[:2]),
        },
        "blood": {
            "alphabetical": ("Platelets", "RBC", "WBC"),
            "two swapped": ("RBC", "Platelets", "WBC"),
        },
    }
    for subject, of in orders.items():
        for strength, classes in of.items():
            yield Case(
                subject=subject,
                fault="labels in another order",
                strength=strength,
                right=("labels.order", "labels.shift"),
                reading={"data.classes": f"[{','.join(classes)}]"},
            )


def _calibrated_wrongly() -> Iterator[Case]:
    fixed = ("quantize.method=fixed",)
    sources = {
        "noise": ("calibration.noise",),
        "faint noise": ("calibration.noise",),
        "ten copies": ("calibration.copies", "calibration.few"),
        "one class": ("calibration.one_class", "calibration.few"),
        "0..1": ("calibration.scale",),
        "a quarter of the contrast": ("calibration.",),
        "an eighth of the contrast": ("calibration.",),
        "copies of a dark one": ("calibration.",),
    }
    for subject in ("people", "crops", "signs"):
        for source, right in sources.items():
            if not (source == "one class" and subject == "signs"):
                yield Case(
                    subject=subject,
                    fault="calibration",
                    strength=source,
                    right=right,
                    source=source,
                    build=fixed,
                )
    foreign = ("calibration.", "activations")
    for subject in ("people", "crops", "frames"):
        scale = ("0..255", "a tenth", "a third") if subject != "frames" else ("a tenth", "a third")
        for source in (*scale, "noise", "ten copies", "one picture"):
            yield Case(
                subject=subject,
                fault="calibration of TF's converter",
                strength=source,
                right=foreign,
                converter="channel",
                calibration=source,
            )


def _altered() -> Iterator[Case]:
    for subject in ("people", "crops"):
        for factor in (10.0, 50.0, 200.0):
            yield Case(
                subject=subject,
                fault="a channel apart",
                strength=f"x {factor:g}",
                right=("layers.", "activations", "weights", "weights.granularity"),
                altered=("channel", factor),
                converter="channel",
                calibration="good",
            )
        for steps in (500.0, 2000.0, 3000.0, 5000.0):
            yield Case(
                subject=subject,
                fault="batch norm, momentum 0.999",
                strength=f"{steps:g} steps",
                right=("batch_norm",),
                altered=("stale_norms", steps),
            )
        yield Case(
            subject=subject,
            fault="batch norm in training mode",
            right=("structure.", "batch_norm"),
            altered=("training_norms", 0),
            curable=False,
        )
        yield Case(
            subject=subject,
            fault="a double softmax",
            right=("structure.",),
            altered=("twice_softmax", 0),
            curable=False,
        )
        for count in (1.0, 100.0):
            yield Case(
                subject=subject,
                fault="NaN weights",
                strength=f"{count:g}",
                right=("nan.",),
                altered=("nan_weight", count),
                swapped=True,
                converter="float",
                curable=False,
            )
        for share in (0.8, 0.95, 0.98):
            yield Case(
                subject=subject,
                fault="a pruned head",
                strength=f"{share:.0%}",
                right=("structure.", "weights", "layers."),
                altered=("pruned_head", share),
                swapped=True,
                converter="channel",
                calibration="good",
                curable=False,
            )


def _built_wrongly() -> Iterator[Case]:
    right = ("weights.granularity", "weights", "layers.")
    for subject in ("people", "crops"):
        yield Case(
            subject=subject,
            fault="one scale a tensor",
            strength="TF converter",
            right=right,
            converter="tensor",
            calibration="good",
        )
    for subject in ("people", "crops", "signs"):
        yield Case(
            subject=subject,
            fault="one scale a tensor",
            strength="tflbuild",
            right=right,
            build=("quantize.method=fixed", "quantize.granularity=tensor", "quantize.equalize=none"),
        )
        yield Case(
            subject=subject,
            fault="four bits",
            right=("weights", "layers."),
            build=("quantize.method=fixed", "quantize.weight_bits=4"),
        )
        yield Case(
            subject=subject,
            fault="four bits",
            strength="one scale a tensor",
            right=right,
            build=("quantize.method=fixed", "quantize.weight_bits=4", "quantize.granularity=tensor"),
        )
    yield Case(
        subject="blood",
        fault="suppression",
        strength="10 of 100 kept",
        right=("suppression",),
        file="odapi/ssd_mobilenet_v2/tflite/int8_max10_float_io.tflite",
    )
    yield Case(
        subject="blood",
        fault="suppression",
        strength="10 of 100 kept, float",
        right=("suppression",),
        file="odapi/ssd_mobilenet_v2/tflite/float_max10.tflite",
    )
    for subject in ("people", "crops", "signs"):
        for sparsity in (0.6, 0.8, 0.95):
            yield Case(
                subject=subject,
                fault="pruned",
                strength=f"{sparsity:.0%}",
                right=("pass.prune",),
                recipe="pruned_int8",
                build=("prune.budget=null", f"prune.sparsity={sparsity}", "prune.steps=20"),
            )
