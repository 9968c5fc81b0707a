"""The target `ethos_u`, through the real vela."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tflbuild.backends import vela as backend
from tflbuild.backends.vela import Compiled
from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import MissingTool, PassError, RecipeError
from tflbuild.core.metric import METRICS, TargetMetric
from tflbuild.core.target import TARGETS
from tflbuild.recipe.validation import typed
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


COMPILED = Compiled(
    content=b"compiled",
    on_npu=3,
    on_cpu=1,
    left=["SOFTMAX"],
    cycles=1000.0,
    latency_ms=2.5,
    sram_kib=64.0,
    flash_kib=128.0,
    macs=5000.0,
    system_config="Ethos_U55_High_End_Embedded",
    memory_mode="Shared_Sram",
)
"""What a compiler in vela's place says; every figure another."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note what vela would be asked; it says `COMPILED`, unless the list holds something else to say."""
    given: list[Any] = []

    def compile_for(path: Path, folder: Path, options: Any) -> Compiled:
        made = given.pop() if given else COMPILED
        given.append((path, folder, options))
        return made

    monkeypatch.setattr(backend, "compile_for_ethos_u", compile_for)
    return given


MODEL = artifact(Path("model.tflite"))


def test_figures_are_velas(asked: list[Any]) -> None:
    content, figures = EthosU().compile(MODEL, Path("work"))
    assert content == b"compiled"
    assert figures == {
        "npu_coverage": 0.75,
        "delegate": {"name": "ethos-u55-128", "delegated": 3, "total": 4, "left": ["SOFTMAX"]},
        "npu": {
            "accelerator": "ethos-u55-128",
            "system_config": "Ethos_U55_High_End_Embedded",
            "memory_mode": "Shared_Sram",
            "flash_kib": 128.0,
            "macs": 5000.0,
        },
        "npu_cycles": 1000.0,
        "npu_sram": 64.0,
        "npu_latency": 2.5,
    }
    assert asked[0][:2] == (Path("model.tflite"), Path("work"))


def test_a_model_of_which_nothing_runs_on_the_npu_is_refused_unless_allowed(asked: list[Any]) -> None:
    uncovered = COMPILED._replace(on_npu=0, on_cpu=7)
    asked.append(uncovered)
    with pytest.raises(
        PassError, match=r"nothing of this model runs on ethos-u65-256 \(0 of 7 operators\).*int8 or int16x8"
    ):
        EthosU(accelerator="ethos-u65-256").compile(MODEL, Path("work"))
    asked[:] = [uncovered]
    figures = EthosU(allow_uncovered=True).compile(MODEL, Path("work"))[1]
    assert figures.keys() == {"npu_coverage", "delegate", "npu"}
    assert (figures["npu_coverage"], figures["delegate"]["total"]) == (0.0, 7)
    asked[:] = [uncovered._replace(on_cpu=0)]
    assert EthosU(allow_uncovered=True).compile(MODEL, Path("work"))[1]["npu_coverage"] == 0.0


OPTIONS: dict[str, tuple[Any, list[str]]] = {
    "accelerator": ("ethos-u55-32", ["--accelerator-config", "ethos-u55-32"]),
    "system_config": (
        "Ethos_U55_Deep_Embedded",
        ["--config", "Arm/vela.ini", "--system-config", "Ethos_U55_Deep_Embedded"],
    ),
    "memory_mode": ("Sram_Only", ["--config", "Arm/vela.ini", "--memory-mode", "Sram_Only"]),
    "optimise": ("Size", ["--optimise", "Size"]),
    "arena_cache_size": (4096, ["--arena-cache-size", "4096"]),
    "allow_uncovered": (True, []),
}
"""A value of every option, and what vela is told of it beside the defaults."""


def test_every_option_is_told_to_vela(asked: list[Any]) -> None:
    assert {field.name for field in fields(EthosU)} == {*OPTIONS, "config_file", "step", "rule_file"}
    plain = ["--accelerator-config", "ethos-u55-128", "--optimise", "Performance"]
    for name, (value, words) in OPTIONS.items():
        asked.clear()
        EthosU(**{name: value}).compile(MODEL, Path("work"))
        given = dict(pairwise_of(asked[0][2]))
        assert given == dict(pairwise_of(plain)) | dict(pairwise_of(words)), name


def pairwise_of(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))


def test_a_configuration_of_ones_own_is_given_by_its_whole_path(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert EthosU(config_file="mine.ini").files() == ()
    (tmp_path / "mine.ini").touch()
    own = EthosU(config_file="mine.ini", system_config="Mine")
    own.compile(MODEL, Path("work"))
    given = dict(pairwise_of(asked[0][2]))
    assert (given["--config"], given["--system-config"]) == (str(tmp_path / "mine.ini"), "Mine")
    assert own.files() == (Path("mine.ini"),)
    (tmp_path / "Arm").mkdir()
    (tmp_path / "Arm" / "vela.ini").touch()
    assert EthosU().files() == (), "vela's own is meant, whatever lies here"


@pytest.mark.parametrize(
    ("accelerator", "system", "fits"),
    [
        ("ethos-u55-128", "Ethos_U55_High_End_Embedded", True),
        ("ethos-u65-512", "Ethos_U65_Embedded", True),
        ("ethos-u85-2048", "Ethos_U85", True),
        ("ethos-u85-2048", "Ethos_U855_Other", False),
        ("ethos-u65-256", "Ethos_U55_High_End_Embedded", False),
    ],
)
def test_a_system_has_to_be_of_the_accelerators_family(accelerator: Any, system: str, fits: bool) -> None:
    if fits:
        assert EthosU(accelerator=accelerator, system_config=system).system_config == system
        return
    with pytest.raises(ValueError, match=f"system_config '{system}' is not a system with {accelerator}"):
        EthosU(accelerator=accelerator, system_config=system)


def test_a_cache_has_at_least_a_byte() -> None:
    with pytest.raises(RecipeError, match="arena_cache_size: 0"):
        typed(EthosU, {"arena_cache_size": 0}, "target.ethos_u")
    assert typed(EthosU, {"arena_cache_size": 1}, "target.ethos_u").arena_cache_size == 1


def test_it_compiles_integers_for_another_machine() -> None:
    assert TARGETS.get("ethos_u") is EthosU
    assert (EthosU.compiles, EthosU.executes, EthosU.integer_only) == (True, False, True)
