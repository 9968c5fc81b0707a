"""A made-up report and summary, true to their schemas."""

from __future__ import annotations

from typing import Any

CLASSES = ("stop", "yield", "warning", "no_entry", "limit", "mandatory", "priority", "parking")
SHA = "0123456789abcdef" * 4


def measurement(value: float, split: str, n: int, kernels: str) -> dict[str, Any]:
    per_class = {name: min(1.0, value + 0.03 * (k - 3.5)) for k, name in enumerate(CLASSES)}
    return {
        "value": value,
        "unit": "1",
        "split": split,
        "n": n,
        "low": value - 0.022,
        "high": value + 0.02,
        "kernels": kernels,
        "details": {"per_class": per_class, "objects": dict.fromkeys(CLASSES, 120)},
    }


def verdict(bound: float, baseline: float, value: float, **more: Any) -> dict[str, Any]:
    drop = baseline - value
    text = (
        f"map fell by {drop:.4f} [{drop - 0.006:.4f}, {drop + 0.005:.4f}], from {baseline:.4f} to {value:.4f}"
    )
    return {
        "metric": "map",
        "limit": {"max_drop": bound},
        "baseline": baseline,
        "value": value,
        "low": drop - 0.006,
        "high": drop + 0.005,
        "ok": drop <= bound,
        "decided": not drop - 0.006 < bound < drop + 0.005,
        "split": "val",
        "text": f"{text}; at most {bound:.4f} allowed",
    } | more


def step(label: str, value: float, before: str, after: str, **more: Any) -> dict[str, Any]:
    kernels = "keras" if label in ("train", "prune") else "xnnpack"
    return {
        "label": label,
        "pass": label,
        "outcome": "ran",
        "cached": False,
        "reason": "never run before",
        "tried": [],
        "action": SHA,
        "input": before or None,
        "output": after,
        "kind": "KerasModel" if kernels == "keras" else "TFLiteModel",
        "bytes": 1_990_848,
        "options": {"steps": 2200, "learning_rate": 0.004},
        "seconds": 12.3,
        "cpu_seconds": 20.1,
        "peak_rss_mib": 1210,
        "cost_seconds": 12.3,
        "notes": {"loss": 1.234},
        "metrics": {
            "map": measurement(value, "val", 300, kernels),
            "map50": measurement(value + 0.2, "val", 300, kernels),
        },
        "verdicts": [],
    } | more


def targets() -> list[dict[str, Any]]:
    cpu = {
        "name": "cpu",
        "path": "cpu/model.tflite",
        "sha256": SHA,
        "bytes": 643_384,
        "compressed_bytes": 321_234,
        "labels": list(CLASSES),
        "metrics": {
            "map": measurement(0.671, "test", 500, "xnnpack"),
            "map50": measurement(0.883, "test", 500, "xnnpack"),
            "size": {"value": 643_384, "unit": "bytes"},
            "compressed_size": {"value": 321_234, "unit": "bytes"},
            "latency": {"value": 1.234, "unit": "ms", "kernels": "xnnpack"},
        },
        "inputs": [
            {
                "name": "image",
                "shape": [1, 96, 96, 3],
                "dtype": "uint8",
                "scale": 0.0078125,
                "zero_point": 128,
            }
        ],
        "outputs": [
            {"name": "detection_boxes", "shape": [1, 100, 4], "dtype": "float32"},
            {"name": "num_detections", "shape": [1], "dtype": "float32"},
        ],
        "latency_ms": {
            "median": 1.234,
            "p90": 1.41,
            "threads": 1,
            "runs": 50,
            "kernels": "xnnpack",
            "cpu": "Made-up Processor 3000",
        },
        "delegate": {
            "name": "xnnpack",
            "delegated": 64,
            "total": 65,
            "left": ["TFLite_Detection_PostProcess"],
        },
    }
    npu = {
        **{key: cpu[key] for key in ("sha256", "labels", "inputs", "outputs")},
        "name": "ethos_u55",
        "path": "ethos_u55/model.tflite",
        "bytes": 512_000,
        "compressed_bytes": 301_000,
        "metrics": {
            "size": {"value": 512_000, "unit": "bytes"},
            "npu_coverage": {"value": 0.953, "unit": "1"},
            "npu_cycles": {"value": 371_355.0, "unit": "cycles"},
        },
        "npu_coverage": 0.953,
        "npu_cycles": 371_355.0,
        "npu_latency": 0.743,
        "npu_sram": 72.7,
        "npu_flash": 243.5,
        "npu_layers": [
            {
                "index": place,
                "name": "CONV_2D",
                "output": f"maps/{place}",
                "cycles": 300_000 - 100_000 * place,
                "macs": 9_600_000,
                "sram_bytes": 65_536,
                "utilization": 0.25,
            }
            for place in range(2)
        ],
        "npu": {"accelerator": "ethos-u55-128", "memory_mode": "Shared_Sram", "macs": 1e6},
        "delegate": {"name": "ethos-u55-128", "delegated": 82, "total": 86, "left": ["DEQUANTIZE"]},
        "placement": placement(),
        "not_executed": "This machine cannot execute a file for ethos_u55, so no accuracy was measured on it.",
    }
    return [cpu, npu]


def placement(name: str = "DEQUANTIZE", reason: str = "") -> dict[str, Any]:
    """Give where a compiler placed 86 operators: 82, and four that stay for two reasons."""
    kinds = ["CONV_2D", "DEPTHWISE_CONV_2D"] * 41
    operators = [{"index": place, "name": kind, "on": True} for place, kind in enumerate(kinds)]
    reasons = [reason or "gives float32, and the Ethos-U55 takes int8, int16 and int32"] * 3
    reasons.append("is no custom operator of the Ethos-U55")
    for place, why in enumerate(reasons):
        last = {"index": 82 + place, "name": "TFLite_Detection_PostProcess" if place == 3 else name}
        operators.append(
            {**last, "on": False, "reason": why, "fits": False, "values": {"output.dtype": "float32"}}
        )
        operators[-1]["cure"] = "" if place == 3 else "quantize.output_dtype=int8"
    usual = {"output": "", "macs": 1000, "reason": "", "fits": True, "values": {}, "cure": ""}
    return {
        "device": "ethos_u55",
        "title": "Ethos-U55",
        "basis": "compiler",
        "source": "vela 5.2.0",
        "date": "",
        "delegated": 82,
        "total": 86,
        "coverage": 82 / 86,
        "macs_coverage": 1.0,
        "partitions": 1,
        "ends": 82,
        "operators": [usual | operator for operator in operators],
        "remarks": ["figures are vela's estimates"],
    }


def report(status: str = "built") -> dict[str, Any]:
    """Give a report of a build that ended with `status`."""
    passes = [
        step("train", 0.702, "", "a", seconds=151.0, notes={"loss": 1.2, "init": "scratch"}),
        step("prune", 0.689, "a", "b", seconds=68.0, verdicts=[verdict(0.03, 0.702, 0.689)]),
        step("convert", 0.689, "b", "c", bytes=1_710_000, seconds=2.1, outcome="cached", cached=True),
        step("quantize", 0.681, "c", "d", bytes=643_384, verdicts=[verdict(0.01, 0.689, 0.681)]),
    ]
    failed = status != "built"
    if failed:
        closed = verdict(-1.0, 0.689, 0.681)
        tried = {
            "run": "quantize",
            "ok": False,
            "output": "d",
            "seconds": 3.0,
            "metrics": {},
            "verdicts": [closed],
        }
        passes[-1] |= {
            "outcome": "failed",
            "reason": "it exceeded its limit",
            "verdicts": [closed],
            "tried": [tried],
        }
    total = [verdict(0.04, 0.684, 0.671, target="cpu", split="test")]
    return {
        "schema": "tflbuild.report/1",
        "recipe": "ssd_mobilenet_int8",
        "description": "SSD MobileNet v1, pruned, full-integer int8",
        "status": status,
        "error": "quantize.budget: map fell by 0.0080; at most -1.0000 allowed" if failed else None,
        "overrides": ["prune.sparsity=0.5", "data.root=a folder"],
        "seed": 0,
        "started": "2026-11-21T08:00:01+00:00",
        "seconds": 271.2,
        "toolchain": {"tensorflow": "2.21.0", "tflbuild": "0.1.0"},
        "environment": {"device": "cpu", "threads": 2},
        "data": {
            "type": "voc",
            "root": "../shared/data/bccd",
            "classes": list(CLASSES),
            "dropped": [
                {"file": "Annotations/a.xml", "reason": "box 3 has no width"},
                {"file": "Annotations/a.xml", "reason": "box 4 lies <outside>"},
                {"file": "b.jpg", "reason": "does not decode"},
            ],
            "splits": {"train": {"n": 2400, "digest": SHA}, "val": {"n": 300, "digest": SHA}},
        },
        "model": {"type": "ssd_mobilenet_v1", "input_size": 96},
        "base": {"label": "train", "metrics": {"map": measurement(0.684, "test", 500, "keras")}},
        "passes": passes,
        "budget": {"ok": not failed, "verdicts": [] if failed else total},
        "targets": [] if failed else targets(),
        "warnings": ["data: 3 things left out"],
        "resolved": {"seed": 0, "prune": {"sparsity": 0.5}},
    }


def summary() -> dict[str, Any]:
    """Give a sweep of four jobs, of which one failed and one was never valid."""
    jobs: list[dict[str, Any]] = [
        {
            "overrides": {"prune.sparsity": sparsity, "model.input_size": side},
            "status": status,
            "run": f"prune.sparsity={sparsity},model.input_size={side}",
            "error": None if status == "built" else "quantize.budget: map fell by 0.2; at most 0.01 allowed",
            "seconds": 123.4,
            "base": {"label": "train", "metrics": {"map": measurement(0.69, "test", 500, "keras")}},
            "metrics": {"map": measurement(value, "test", 500, "xnnpack")} if value else {},
            "bytes": 643_384 if value else None,
            "compressed_bytes": compressed if value else None,
            "latency_ms": 1.234 if value else None,
            "pareto": bool(value),
        }
        for sparsity, side, status, value, compressed in (
            ("0.5", "96", "built", 0.67, 321_000),
            ("0.8", "96", "built", 0.62, 201_000),
            ("0.5", "128", "built", 0.71, 330_000),
            ("0.8", "128", "over_budget", None, None),
        )
    ]
    invalid = {"prune.sparsity": "1.5", "model.input_size": "96"}
    error = "prune.sparsity: 1.5 should be less than 1"
    none = {"run": None, "metrics": {}, "pareto": False}
    jobs.append({"overrides": invalid, "status": "invalid", "error": error, **none})
    command = ["recipe=ssd_mobilenet_int8", "prune.sparsity=0.5,0.8,1.5"]
    return {"schema": "tflbuild.summary/1", "command": command, "metric": "map", "jobs": jobs, "groups": []}
