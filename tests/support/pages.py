"""Made-up content of every page, with names that would be markup or script if one were not escaped."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image, ImageDraw

import made_up
import noted

HOSTILE = "</script><script>window.struck = 1</script>\"'><img src=x onerror='window.struck = 2'>\u2028${1}"
"""A name that is markup and script wherever it is not escaped."""


LONG = f"/home/{'somebody/' * 12}{'x' * 40}.tflite"
"""A path that no line of a phone holds."""


def jpeg(width: int = 240, height: int = 160, shade: int = 90) -> dict[str, Any]:
    """Give a picture as a finding holds it."""
    picture = Image.new("RGB", (width, height), (shade, 120, 140))
    ImageDraw.Draw(picture).ellipse(
        (width * 0.2, height * 0.2, width * 0.6, height * 0.8), fill=(200, 60, 50)
    )
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=80)
    return {"jpeg": base64.b64encode(written.getvalue()).decode(), "width": width, "height": height}


def answer(label: str, score: float, *box: float) -> dict[str, Any]:
    return {"label": label, "score": score} | ({"box": list(box)} if box else {})


def detected(name: str, shade: int) -> dict[str, Any]:
    there = answer("stop", 0.91, 0.2, 0.2, 0.8, 0.6)
    return {
        "name": name,
        "distance": 0.62,
        "picture": jpeg(shade=shade),
        "text": "(160, 240, 3) uint8",
        "note": "of 2 objects the base finds 2, the delivered file 1",
        "truth": [answer("stop", 1.0, 0.18, 0.2, 0.82, 0.62), answer("yield", 1.0, 0.5, 0.7, 0.9, 0.95)],
        "base": [there, answer("yield", 0.62, 0.5, 0.7, 0.9, 0.95)],
        "model": [there, *[answer("limit", 0.4, 0.05, 0.1, 0.3, 0.25)] * 10],
        "alone": {"base": [1], "model": list(range(1, 11))},
    }


def classified(name: str, shade: int) -> dict[str, Any]:
    return {
        "name": name,
        "distance": 1.3,
        "picture": jpeg(28, 28, shade),
        "text": "",
        "note": "only the base is right",
        "truth": [answer("Ankle boot", 1.0)],
        "base": [answer("Ankle boot", 0.83), answer("Sneaker", 0.1)],
        "model": [answer("Sneaker", 0.55), answer("Ankle boot", 0.4)],
        "alone": {"base": [0], "model": [0]},
    }


def measured(name: str, shade: int) -> dict[str, Any]:
    base = [((k * 37 + shade) % 11) / 11 for k in range(40)]
    outputs = {
        "embedding": {"base": base, "model": [None if k == 7 else v * 0.9 for k, v in enumerate(base)]},
        "offset": {"base": [0.25], "model": [0.5]},
    }
    return {
        "name": name,
        "distance": 0.3,
        "picture": None,
        "text": "(12,) float32",
        "note": "0.3 deviations apart",
        "truth": None,
        "base": [],
        "model": [],
        "alone": {},
        "outputs": outputs,
    }


def disagreements(kind: Any = detected, count: int = 6, name: str = "sample") -> dict[str, Any]:
    """Give an entry of report.json's `analyses`."""
    samples = [kind(f"{name} {k}", 40 + 12 * k) for k in range(count)]
    finding = {"split": "test", "n": 500, "differ": 41, "what": "an object is found by only one of the two"}
    return {"name": "disagreements", "key": made_up.SHA, "findings": [{**finding, "samples": samples}]}


def thresholds(labels: tuple[str, ...] = ("stop", "yield"), boxed: bool = True) -> dict[str, Any]:
    """Give an entry of report.json's `analyses`: a precision that rises to 1, a recall that falls to 0."""
    ends = [*labels, "nothing"] if boxed else list(labels)
    finding = {
        "what": "A detection is right where its box overlaps an object of its class with an IoU of 0.5 or more.",
        "beta": 1.0,
        "chosen_on": "val",
        "measured_on": "test",
        "threshold": 0.43,
        "val": {"precision": 0.71, "recall": 0.65, "f": 0.6787},
        "test": {"precision": 0.7, "recall": 0.6, "f": 0.6462},
        "thresholds": [k / 100 for k in range(101)],
        "precision": [min(1.0, 0.4 + k / 120) if k < 95 else None for k in range(101)],
        "recall": [round(0.9 * (1 - k / 100), 4) for k in range(101)],
        "confusion": {
            "rows": ends,
            "columns": ends,
            "counts": [
                [40 + 1000 * (row == column) for column in range(len(ends))] for row in range(len(ends))
            ],
            "from_score": 0.43 if boxed else None,
        },
    }
    return {"name": "thresholds", "key": made_up.SHA, "findings": [finding]}


def operator_times(name: str = "Convolution (NHWC, QC8) IGEMM") -> dict[str, Any]:
    """Give an entry of report.json's `analyses`: thirteen operators, the last but one by LiteRT itself."""
    operators = [{"name": name, "delegated": True, "ms": 0.02 + 0.001 * k} for k in range(12)]
    operators.insert(12, {"name": "TFLite_Detection_PostProcess", "delegated": False, "ms": 0.4})
    finding = {"cpu": "Made-up 3000", "threads": 1, "runs": 40, "whole_ms": 0.71, "operators": operators}
    return {"name": "operator_times", "key": made_up.SHA, "findings": [finding]}


def curve() -> dict[str, Any]:
    """Give a training curve of twenty points."""
    steps = list(range(0, 2200, 110))
    return {
        "step": steps,
        "loss": [round(6.0 / (1 + k), 3) for k in range(20)],
        "learning_rate": [0.004 * (1 - k / 20) for k in range(20)],
        "images_per_second": [None, *[90.0 + k % 3 for k in range(19)]],
    }


def detector() -> dict[str, Any]:
    """Give a report with everything that a page draws."""
    found = [disagreements(count=2), thresholds(), operator_times()]
    report = made_up.report() | {"analyses": found}
    report["passes"][0]["curve"], report["passes"][1]["curve"] = curve(), curve()
    report["targets"][0] |= {"signature": "serving_default", "metadata": "image to location; labels.txt"}
    report["targets"][0]["inputs"][0] |= {"modality": "image", "preprocess": {}}
    report["passes"][-1]["notes"] = noted.NOTES | {"parity": {**noted.PARITY, "of": LONG}}
    report["passes"][1]["notes"] = {"sparsity": 0.5}
    return report


def classifier() -> dict[str, Any]:
    """Give a report of a classifier, and of outputs that are numbers."""
    return made_up.report() | {
        "recipe": "mobilenet_v2_int8",
        "subject": f"file {LONG} on images {LONG}",
        "overrides": [f"model.path={LONG}"],
        "warnings": [f"data: {LONG} was left out"],
        "analyses": [
            disagreements(classified, 3),
            disagreements(measured, 2),
            thresholds(CLASSES, boxed=False),
        ],
        "recognised": [{"what": "outputs", "value": "softmax", "evidence": "it ends in SOFTMAX"}],
    }


CLASSES = tuple(f"class {k} of twelve" for k in range(12))


def devices() -> dict[str, Any]:
    """Give a report of a build for several devices, of which one was given no file."""
    report = made_up.report()
    targets = {"cpu": {"type": "cpu"}, "ethos_u55": {"type": "ethos_u", "step": "quantize@ethos_u55"}}
    own = made_up.step("quantize@ethos_u55", 0.66, "c", "e", takes="convert", wanted={"output_dtype": "int8"})
    own["options"] = {"calibration": {"source": LONG}, "output_dtype": "int8"}
    return report | {
        "passes": [*report["passes"], own],
        "resolved": {"target": targets | {"a_device_with_a_long_name": {"type": "cpu"}}},
    }


def breach() -> dict[str, Any]:
    """Give a report of a build whose file was over its budget."""
    verdict = made_up.verdict(0.01, 0.684, 0.61, target="cpu", split="test")
    return made_up.report() | {
        "status": "over_budget",
        "error": f"budget: {verdict['text']}",
        "targets": [],
        "budget": {"ok": False, "verdicts": [verdict]},
        "analyses": [thresholds(), operator_times()],
    }


def hostile() -> dict[str, Any]:
    """Give a report whose every name that comes from a file is hostile."""
    report = made_up.report("failed") | {"recipe": HOSTILE, "error": HOSTILE, "subject": HOSTILE}
    boxed = detected(HOSTILE, 50) | {"note": HOSTILE, "truth": [answer(HOSTILE, 1.0, 0.1, 0.1, 0.9, 0.9)]}
    boxed |= {"base": [answer(HOSTILE, 0.9, 0.1, 0.1, 0.9, 0.9)], "alone": {"base": [0]}, "model": []}
    numbers = measured(HOSTILE, 3) | {"text": HOSTILE}
    numbers["outputs"] = {HOSTILE: numbers["outputs"]["embedding"]}
    entry = disagreements(count=0)
    entry["findings"][0] |= {"samples": [boxed, numbers], "what": HOSTILE}
    report["analyses"] = [entry, thresholds((HOSTILE, f"{HOSTILE} 2")), operator_times(HOSTILE)]
    report["targets"] = made_up.targets()
    report["targets"][0]["inputs"][0] |= {"name": HOSTILE, "modality": "image", "preprocess": {}}
    report["targets"][0]["outputs"][0] |= {"name": HOSTILE}
    report["targets"][0] |= {"signature": HOSTILE, "labels": [HOSTILE]}
    report["targets"][0]["placement"] = made_up.placement(HOSTILE, HOSTILE)
    report["data"]["classes"] = [HOSTILE]
    report["recognised"] = [{"what": HOSTILE, "value": HOSTILE, "evidence": HOSTILE}]
    report["passes"][0] |= {"label": HOSTILE, "reason": HOSTILE, "notes": {HOSTILE: HOSTILE}}
    return report


def sweep(name: str = "") -> dict[str, Any]:
    """Give a sweep of twelve jobs, of which two failed."""
    jobs: list[dict[str, Any]] = []
    for number in range(12):
        sparsity, side = ("0.3", "0.5", "0.7", "0.9")[number % 4], ("96", "128", "160")[number // 4]
        failed = number in (3, 7)
        value = 0.55 + 0.02 * (number // 4) - 0.01 * (number % 4)
        jobs.append(
            {
                "name": f"job {number}",
                "overrides": {
                    "prune.sparsity": sparsity,
                    "model.input_size": side,
                    "quantize.scheme": name or "int8",
                },
                "status": "failed" if failed else "built",
                "run": None if failed else f"{name}prune.sparsity={sparsity},model.input_size={side}",
                "error": f"prune: {name or 'nothing is left of the head'} at {sparsity}" if failed else None,
                "seconds": 60.0 + number,
                "base": {
                    "label": "train",
                    "metrics": {"map": made_up.measurement(0.62, "test", 500, "keras")},
                },
                "metrics": {} if failed else {"map": made_up.measurement(value, "test", 500, "xnnpack")},
                "bytes": None if failed else 700_000 - 40_000 * (number % 4) + 60_000 * (number // 4),
                "compressed_bytes": None
                if failed
                else 400_000 - 50_000 * (number % 4) + 30_000 * (number // 4),
                "latency_ms": None if failed else 0.4 + 0.25 * (number // 4) - 0.02 * (number % 4),
                "pareto": number in (0, 2, 4, 8),
            }
        )
    figures = {"map": {"n": 3, "mean": 0.55, "sd": 0.01, "min": 0.54, "max": 0.56}}
    group = {"overrides": {"prune.sparsity": "0.3"}, "jobs": ["a", "b", "c"], "built": 3, "figures": figures}
    return {
        "schema": "tflbuild.summary/1",
        "command": ["recipe=ssd_mobilenet_int8", "prune.sparsity=0.3,0.5,0.7,0.9", f"x={name}"],
        "metric": "map",
        "jobs": jobs,
        "groups": [group],
    }


def diagnosis(name: str = "old.tflite") -> dict[str, Any]:
    """Give what diagnosis.json holds, with a ladder, two causes and their cures."""

    def cost(value: float) -> dict[str, Any]:
        return {"value": value, "low": value - 0.02, "high": value + 0.02, "n": 200}

    labels = ("the base", "converted to float .tflite", "weights quantized", "activations quantized, too")
    values = (0.712, 0.712, 0.655, 0.651)
    rungs: list[dict[str, Any]] = []
    for place, (label, value) in enumerate(zip(labels, values, strict=True)):
        row: dict[str, Any] = {"name": f"r{place}", "label": label, "value": value, "kind": "TFLiteModel"}
        if place:
            lost = round(values[place - 1] - value, 4)
            row |= {"cost": cost(lost), "beyond": lost > 0.02, "blamed": lost > 0.02}
        rungs.append(row)
    ladder = {
        "metric": "map",
        "unit": "1",
        "split": "test",
        "n": 200,
        "rungs": rungs,
        "total": cost(0.061),
        "text": f"map fell by 0.0610: {name} lost most",
    }
    cures = [
        {
            "text": "use one scale per channel of its own",
            "override": f"quantize.granularity={name}",
            "gain": 0.057,
        },
        {
            "text": "train for quantization",
            "override": "recipe=qat_int8",
            "gain": 0.057,
            "tried": {"gain": 0.05},
        },
    ]
    causes = [
        {
            "name": "weights.granularity",
            "stage": "weights",
            "cost": 0.057,
            "low": 0.03,
            "high": 0.08,
            "n": 200,
        },
        {"name": "calibration.few", "stage": "activations", "cost": None, "low": None, "high": None, "n": 0},
    ]
    texts = (f"one scale for channels far apart in {name}", "only 8 samples calibrate the ranges")
    return {
        "schema": "tflbuild.diagnosis/1",
        "subject": {"file": name, "base": "model.h5"},
        "command": ["diagnose", name, "base=model.h5", "data.root=photos/"],
        "causes": [
            {**cause, "text": text, "found_by": "ladder", "cures": cures}
            for cause, text in zip(causes, texts, strict=True)
        ],
        "analyses": [{"name": "ladder", "key": "", "findings": [ladder]}],
    }
