"""Notes as passes write them."""

from __future__ import annotations

from typing import Any


def candidate(setting: str, error: float, seconds: float = 0.5) -> dict[str, Any]:
    return {"setting": setting, "error": error, "seconds": seconds}


def layer(
    name: str, left_out: float, weights: float | None = 0.001, activations: float = 0.002
) -> dict[str, Any]:
    return {
        "layer": name,
        "tensor": f"model/{name}/Relu",
        "operator": "CONV_2D",
        "weights": weights,
        "activations": activations,
        "alone": 0.003,
        "left_out": left_out,
        "bytes": 2048,
        "macs": 1000,
    }


def kept(name: str, before: float, after: float) -> dict[str, Any]:
    return {
        "layer": name,
        "tensors": [f"model/{name}/Relu"],
        "weight_bytes": 3072,
        "error_before": before,
        "error_after": after,
    }


AUTO: dict[str, Any] = {
    "chosen": "mse, biases corrected",
    "error": 0.015,
    "held_out": 25,
    "candidates": [
        candidate("minmax", 0.03),
        candidate("mse", 0.02),
        candidate("mse, biases corrected", 0.015),
        candidate("p99.9, equalized by weights, biases corrected", 0.0149, 2.5),
    ],
}
SENSITIVITY: dict[str, Any] = {
    "error_of_all": 0.03,
    "error_of_weights": 0.02,
    "error_of_activations": 0.01,
    "guilty": "weights",
    "layers": [layer(f"conv_{k}", 0.03 - 0.001 * (9 - k)) for k in range(8)]
    + [layer("pool", 0.03, weights=None)],
}
COST = {"dtype": "float32", "file_bytes": 9344, "latency_ms": 0.0213, "latency_noise_ms": 0.004}
MIXED: dict[str, Any] = {
    "keep": "float32",
    "ok": True,
    "judged": 5,
    "order": [kept("head", 0.03, 0.02), kept("stem", 0.02, 0.018)],
    "kept": [kept("head", 0.03, 0.02) | COST],
    "metrics": {"int8": {"map": {"value": 0.61}}, "mixed": {"map": {"value": 0.6234}}},
}
ISLANDS: list[dict[str, Any]] = [
    {
        "operator": "CONV_2D",
        "tensor": "model/head/BiasAdd",
        "dtype": "float32",
        "reason": "left out by qat.exclude",
    },
    {
        "operator": "TFLite_Detection_PostProcess",
        "tensor": "boxes",
        "dtype": "float32",
        "reason": "custom operator",
    },
]
ITERATIONS: list[dict[str, Any]] = [
    {"sparsity": 0.3, "metrics": {"map50": 0.9, "map": 0.62}, "ok": True},
    {"sparsity": 0.5, "metrics": {"map50": 0.89, "map": 0.61}, "ok": True},
    {"sparsity": 0.7, "metrics": {"map50": 0.8, "map": 0.5}, "ok": False},
]


def rounded(name: str, nearest: float, learned: float, turned: int) -> dict[str, Any]:
    errors = {"nearest_error": nearest, "learned_error": learned}
    return {"layer": name, "operator": "CONV_2D", "bits": 8, "turned": turned, "weights": 128, **errors}


ROUND: list[dict[str, Any]] = [
    rounded("stem", 0.03, 0.02, 10),
    rounded("middle", 0.02, 0.02, 0),
    rounded("head", 0.04, 0.01, 20),
]
RECOGNISED: list[dict[str, Any]] = [
    {"what": "outputs", "value": "softmax", "evidence": "layer 'dense_1' ends in softmax"}
]
PARITY: dict[str, Any] = {
    "of": "'my.h5'",
    "outputs": {"scores": {"difference": 2.1e-7, "size": 0.98, "images": 16}},
}
DEQUANTIZE: dict[str, Any] = {
    "layers": 28,
    "activations": 32,
    "fused": {"conv": "RELU6"},
    "outputs": {
        "scores": {
            "difference": 0.0152,
            "rounding": 0.0141,
            "clipping": 0.0068,
            "unexplained": 0.0047,
            "bound": 0.068,
            "largest": 0.213,
            "step": 0.0039,
            "size": 0.996,
            "samples": 32,
        }
    },
    "beyond": [{"name": "logits", "low": -13.3, "high": 23.2, "least": -15.6, "most": 22.5}],
}
CHANNELS: dict[str, Any] = {
    "importance": "taylor",
    "compare": "cost",
    "aim": {"target_latency": 0.7},
    "macs": {"before": 2000, "after": 1000},
    "parameters": {"before": 400, "after": 300},
    "channels": {"before": 40, "after": 24},
    "groups": [{"name": "stem", "layers": ["stem", "block_out"], "before": 16, "after": 8}],
    "whole": [
        {"name": "logits", "channels": 5, "reason": "it reaches an output of the model"},
        {
            "name": "mix",
            "channels": 8,
            "reason": "LayerNormalization 'odd' is not known to keep channels apart",
        },
    ],
    "latency": {"share": 0.68, "before_ms": 1.0, "after_ms": 0.68},
    "rounds": [
        {"macs": 0.75, "channels": 0.8, "metrics": {"map": 0.6}, "ok": True},
        {"macs": 0.5, "channels": 0.6, "metrics": {"map": 0.5}, "ok": False},
    ],
}
"""What `prune_channels` notes; its second round was over budget."""

NOTES: dict[str, Any] = {
    "weights": {
        "file": "a.h5",
        "by": "order",
        "tensors": 260,
        "of": 262,
        "folded": 0,
        "fresh": ["logits"],
        "unused": ["predictions"],
        "layers": 105,
    },
    "recognised": RECOGNISED,
    "settled": ["boxes reach 638 on 16 pictures, so their units are pixels"],
    "parity": PARITY,
    "dequantize": DEQUANTIZE,
    "calibration": {
        "source": "data.train",
        "samples": 8,
        "of": 10,
        "named": [{"cause": "calibration.few", "text": "only 8 samples", "override": ""}],
    },
    "shared_scales": [{"text": "'o' holds parts", "tensor": "o", "axis": 1, "parts": [], "mended": True}],
    "auto": AUTO,
    "round": ROUND,
    "sensitivity": SENSITIVITY,
    "mixed": MIXED,
    "islands": ISLANDS,
    "iterations": ITERATIONS,
    "channels": CHANNELS,
    "sparse_encoding": {"kernels": 3, "bytes": 1000, "dense_bytes": 2048},
    "graph": {
        "operators": {"ADD": [2, 1], "QUANTIZE": [0, 1]},
        "tensors": [9, 10],
        "changed": [
            {"operator": "ADD", "dtype": ["float32", "int8"], "shape": None, "count": 1, "tensors": ["sum"]}
        ],
        "added": [{"operator": "QUANTIZE", "dtype": "int8", "count": 1, "tensors": ["codes"]}],
        "removed": [],
        "regridded": 0,
        "revalued": 3,
    },
    "loss": 1.5,
}
