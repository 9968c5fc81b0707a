"""What a pass declares: options as docs/passes.md says them, and what enters its key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild import plugins
from tflbuild.commands.describe import page
from tflbuild.core.compiler_pass import PASSES, Pass
from tflbuild.passes.cluster import Cluster
from tflbuild.passes.convert import Convert
from tflbuild.passes.convert_quantized import ConvertQuantized
from tflbuild.passes.correct_bias import CorrectBias
from tflbuild.passes.dequantize import Dequantize
from tflbuild.passes.equalize import Equalize
from tflbuild.passes.export_onnx import ExportOnnx
from tflbuild.passes.load import Load
from tflbuild.passes.load_keras3 import LoadKeras3
from tflbuild.passes.load_onnx import LoadOnnx
from tflbuild.passes.load_saved_model import LoadSavedModel
from tflbuild.passes.load_tflite import LoadTflite
from tflbuild.passes.load_torch_export import LoadTorchExport
from tflbuild.passes.prune import Prune
from tflbuild.passes.prune_channels import PruneChannels
from tflbuild.passes.qat import QuantizationAwareTraining
from tflbuild.passes.quantize import Quantize
from tflbuild.passes.quantize_mixed import QuantizeMixed
from tflbuild.passes.reestimate_bn import ReestimateBatchNorm
from tflbuild.passes.round import Round
from tflbuild.passes.sensitivity import MeasureSensitivity
from tflbuild.passes.train import Train

DOCS = Path(__file__).resolve().parents[2] / "docs" / "passes.md"

LITERT = {"ai_edge_litert", "numpy", "PIL"}
KERAS = {"tensorflow", "tf_keras", "numpy", "PIL"}
TFMOT = KERAS | {"tensorflow_model_optimization"}

DECLARED: dict[type[Pass], tuple[set[str], bool, bool | None]] = {
    # tools whose versions enter the key, whether threads and device do, and whether the result is quantized
    Cluster: (TFMOT, True, None),
    Convert: (TFMOT - {"PIL"} | {"ai_edge_litert"}, False, None),
    ConvertQuantized: (KERAS | {"ai_edge_litert"}, False, True),
    CorrectBias: (LITERT, False, None),
    Dequantize: (LITERT, False, False),
    ExportOnnx: ({"environment:onnx", "ai_edge_litert", "numpy"}, False, None),
    Equalize: (LITERT, False, None),
    Load: (KERAS, False, None),
    LoadKeras3: ({"keras", "tensorflow", "ai_edge_litert", "numpy"}, False, None),
    LoadOnnx: ({"environment:onnx", "ai_edge_litert", "numpy"}, False, None),
    LoadSavedModel: ({"tensorflow", "ai_edge_litert", "numpy"}, False, None),
    LoadTflite: ({"ai_edge_litert", "numpy"}, False, None),
    LoadTorchExport: ({"environment:torch", "ai_edge_litert", "numpy"}, False, None),
    Prune: (TFMOT, True, None),
    PruneChannels: (KERAS | {"ai_edge_litert"}, True, None),
    QuantizationAwareTraining: (TFMOT, True, True),
    Quantize: (LITERT | {"litert_quantizer"}, False, True),
    QuantizeMixed: (LITERT | {"litert_quantizer"}, False, True),
    ReestimateBatchNorm: (KERAS, True, None),
    Round: (LITERT, False, None),
    MeasureSensitivity: (LITERT | {"litert_quantizer"}, False, None),
    Train: (KERAS, True, None),
}


def test_every_built_in_pass_is_held() -> None:
    plugins.load(None)
    built_in = {kind for _, kind in PASSES.items() if kind.__module__.startswith("tflbuild.passes.")}
    assert built_in == set(DECLARED)


@pytest.mark.parametrize("kind", DECLARED, ids=lambda kind: kind.name)
def test_options_defaults_and_bounds_are_those_of_the_documentation(kind: type[Pass]) -> None:
    plugins.load(None)
    told = (
        DOCS.read_text(encoding="utf-8")
        .partition(f"\n### {kind.name}\n\n```text\n")[2]
        .partition("\n```\n")[0]
    )
    assert page(kind, "passes").strip() == told.strip()


@pytest.mark.parametrize("kind", DECLARED, ids=lambda kind: kind.name)
def test_tools_and_threads_enter_the_key_and_what_is_quantized_is_said(kind: type[Pass]) -> None:
    needs, trains, quantized = DECLARED[kind]
    assert (set(kind.needs), kind.trains, kind().output_quantized()) == (needs, trains, quantized)
