"""The target `ethos_u`, through the real vela."""

from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import MissingTool, PassError
from tflbuild.core.metric import METRICS, TargetMetric
from tflbuild.core.target import TARGETS
from tflbuild.targets.ethos_u import EthosU

vela = pytest.mark.skipif(
    toolchain.version("ethosu") is None, reason="vela (tflbuild[ethos]) is not installed"
)


def artifact(path: Path) -> TFLiteModel:
    return TFLiteModel(path=path, digest="", fingerprint="")


@pytest.fixture
def float_model(float_classifier: Path) -> TFLiteModel:
    return artifact(float_classifier)


@pytest.fixture
def integer_model(integer_classifier: Path) -> TFLiteModel:
    return artifact(integer_classifier)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@vela
@pytest.mark.parametrize(
    "accelerator",
    [
        "ethos-u55-128",
        pytest.param("ethos-u65-256", marks=pytest.mark.slow),
        pytest.param("ethos-u85-256", marks=pytest.mark.slow),
    ],
)
def test_an_integer_model_is_compiled_with_its_figures(
    integer_model: TFLiteModel, folder: Path, accelerator: str
) -> None:
    content, figures = EthosU(accelerator=accelerator).compile(integer_model, folder)  # type: ignore[arg-type]
    assert b"ethos-u" in content
    assert figures["npu_coverage"] == 1.0
    assert figures["delegate"]["left"] == []
    assert figures["npu_cycles"] > 0
    assert figures["npu_sram"] > 0
    assert figures["npu_latency"] > 0
    assert figures["npu"]["accelerator"] == accelerator


@pytest.mark.slow
@vela
def test_every_npu_metric_is_among_the_figures(integer_model: TFLiteModel, folder: Path) -> None:
    import tflbuild.metrics.npu  # noqa: F401

    wanted = {
        name for name, cls in METRICS.items() if issubclass(cls, TargetMetric) and cls.target == "ethos_u"
    }
    assert wanted >= {"npu_coverage", "npu_cycles", "npu_sram", "npu_latency"}
    assert wanted <= EthosU().compile(integer_model, folder)[1].keys()


@pytest.mark.slow
@vela
def test_compiling_twice_gives_the_same_bytes(integer_model: TFLiteModel, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made.append(EthosU().compile(integer_model, tmp_path / name)[0])
    assert made[0] == made[1]


@vela
def test_a_float_model_is_refused(float_model: TFLiteModel, folder: Path) -> None:
    with pytest.raises(
        PassError, match=r"nothing of this model runs on ethos-u55-128 \(0 of \d+ operators\)"
    ):
        EthosU().compile(float_model, folder)


@pytest.mark.slow
@vela
def test_a_float_model_that_is_allowed_has_no_figures_but_its_coverage(
    float_model: TFLiteModel, folder: Path
) -> None:
    figures = EthosU(allow_uncovered=True).compile(float_model, folder)[1]
    assert figures["npu_coverage"] == 0.0
    assert not {"npu_cycles", "npu_sram", "npu_latency"} & figures.keys()


@pytest.mark.slow
@vela
def test_a_system_that_vela_does_not_know_is_said_in_its_words(
    integer_model: TFLiteModel, folder: Path
) -> None:
    target = EthosU(system_config="Ethos_U55_Imaginary", memory_mode="Shared_Sram")
    with pytest.raises(PassError, match="Ethos_U55_Imaginary not found"):
        target.compile(integer_model, folder)


def test_a_system_of_another_family_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="'Ethos_U65_High_End' is not a system with ethos-u55-128"):
        EthosU(system_config="Ethos_U65_High_End")


def test_without_vela_the_install_line_is_said(
    float_model: TFLiteModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "version", lambda tool: None)
    with pytest.raises(MissingTool, match=r'pip install "tflbuild\[ethos\]"'):
        EthosU().compile(float_model, folder)


def test_it_compiles_integers_for_another_machine() -> None:
    assert TARGETS.get("ethos_u") is EthosU
    assert (EthosU.compiles, EthosU.executes, EthosU.integer_only) == (True, False, True)
