"""The target `ethos_u`, through the real vela."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from single_operators import Held, Operator, network, one, weights
from tflbuild.backends.vela import compiler as backend
from tflbuild.backends.vela.compiler import Compiled, Left
from tflbuild.backends.vela.database import Database, Work
from tflbuild.backends.vela.log import Complaint
from tflbuild.core import toolchain
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.errors import MissingTool, PassError, RecipeError
from tflbuild.core.metric import METRICS, TargetMetric
from tflbuild.core.target import TARGETS
from tflbuild.recipe.validation import typed
from tflbuild.targets.ethos_u.target import EthosU

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
    assert wanted >= {"npu_coverage", "npu_cycles", "npu_sram", "npu_flash", "npu_latency"}
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
    assert not {"npu_cycles", "npu_sram", "npu_flash", "npu_latency", "npu_layers"} & figures.keys()


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


FILE = network(
    {
        "image": Held((1, 8, 8, 4)),
        "weights": weights(8, 3, 3, 4),
        "maps": Held((1, 8, 8, 8)),
        "cut": Held((1, 8, 8, 8)),
        "sorted": Held((1, 8, 8, 8), "float32", None),
    },
    [
        Operator("CONV_2D", ["image", "weights", ""], ["maps"], {"strideW": 1, "strideH": 1}, "Conv2D"),
        Operator("RELU", ["maps"], ["cut"]),
        Operator("DEQUANTIZE", ["cut"], ["sorted"], {}, "Dequantize"),
    ],
)
"""Three operators, of which an Ethos-U has the first two."""

COMPILED = Compiled(
    content=b"compiled",
    left=[Left("DEQUANTIZE", ("sorted",))],
    on_npu=1,
    complaints=[Complaint("DEQUANTIZE", "sorted", "Unsupported opType", "")],
    database=Database({0: Work(900, 18432, 640), 1: Work(100, 0, 512), 2: Work(left=True)}),
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

    def compile_for(path: Path, folder: Path, options: Any, time_limit: float) -> Compiled:
        made = given.pop() if given else COMPILED
        if isinstance(made, Exception):
            raise made
        given.append((path, folder, options, time_limit))
        return made

    monkeypatch.setattr(backend, "compile_for_ethos_u", compile_for)
    return given


@pytest.fixture
def model(tmp_path: Path) -> TFLiteModel:
    path = tmp_path / "model.tflite"
    path.write_bytes(FILE)
    return artifact(path)


def test_figures_are_velas(asked: list[Any], model: TFLiteModel) -> None:
    content, figures = EthosU().compile(model, Path("work"))
    assert content == b"compiled"
    placement = figures.pop("placement")
    assert figures == {
        "npu_coverage": pytest.approx(2 / 3),
        "delegate": {"name": "ethos-u55-128", "delegated": 2, "total": 3, "left": ["DEQUANTIZE"]},
        "npu": {
            "accelerator": "ethos-u55-128",
            "system_config": "Ethos_U55_High_End_Embedded",
            "memory_mode": "Shared_Sram",
            "macs": 5000.0,
        },
        "npu_cycles": 1000.0,
        "npu_sram": 64.0,
        "npu_flash": 128.0,
        "npu_latency": 2.5,
        "npu_layers": [
            # 128 multiplications a cycle: 18,432 of 900 x 128 = 115,200
            layer(0, "CONV_2D", "maps", cycles=900, macs=18432, sram_bytes=640, utilization=0.16),
            layer(1, "RELU", "cut", cycles=100, macs=0, sram_bytes=512, utilization=0.0),
        ],
    }
    assert (placement["basis"], placement["title"], placement["device"]) == (
        "compiler",
        "Ethos-U55",
        "ethos_u",
    )
    assert placement["source"].startswith("vela ")
    assert [one["on"] for one in placement["operators"]] == [True, True, False]
    last = placement["operators"][2]
    assert last["reason"] == "is left to the processor by vela: Unsupported opType"
    assert asked[0][:2] == (model.path, Path("work"))
    assert asked[0][3] == 600


def layer(index: int, name: str, output: str, **figures: float) -> dict[str, Any]:
    return {"index": index, "name": name, "output": output, **figures}


def test_a_model_of_which_nothing_runs_on_the_npu_is_refused_unless_allowed(
    asked: list[Any], model: TFLiteModel
) -> None:
    nothing = COMPILED._replace(database=Database({place: Work(left=True) for place in range(3)}), on_npu=0)
    asked.append(nothing)
    with pytest.raises(
        PassError, match=r"nothing of this model runs on ethos-u65-256 \(0 of 3 operators\).*int8 or int16x8"
    ):
        EthosU(accelerator="ethos-u65-256").compile(model, Path("work"))
    asked[:] = [nothing]
    figures = EthosU(allow_uncovered=True).compile(model, Path("work"))[1]
    assert figures.keys() == {"npu_coverage", "delegate", "npu", "placement"}
    assert (figures["npu_coverage"], figures["delegate"]["total"]) == (0.0, 3)


def test_a_failure_of_vela_has_the_rule_that_foresaw_it(asked: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "wide.tflite"
    wide = Held((1, 4, 4, 8), "int16")
    path.write_bytes(one("HARD_SWISH", [wide], [wide], "HardSwish"))
    asked.append(COMPILED._replace(database=Database({0: Work()})))
    EthosU().compile(artifact(path), Path("work"))
    assert asked.pop()[3] == 60, "vela is not given ten minutes for what it never ends"
    asked.append(PassError("vela failed: IFM has to be 8bit"))
    with pytest.raises(PassError) as caught:
        EthosU().compile(artifact(path), Path("work"))
    assert str(caught.value) == (
        "vela failed: IFM has to be 8bit By the rules of the target, it is in a file that vela 5.2 refuses for "
        "operator 0, a HARD_SWISH or ARG_MAX of more than 8 bits (quantize.scheme=int8)."
    )


def test_a_failure_that_no_rule_foresaw_is_velas_alone(asked: list[Any], model: TFLiteModel) -> None:
    asked.append(PassError("vela failed: map::at"))
    with pytest.raises(PassError, match=r"^vela failed: map::at$"):
        EthosU().compile(model, Path("work"))


@pytest.mark.parametrize(
    ("operator", "chip"), [("ethos-u", "an Ethos-U NPU"), ("edgetpu-custom-op", "an Edge TPU")]
)
def test_a_file_that_is_compiled_already_is_refused_with_that(
    asked: list[Any], tmp_path: Path, operator: str, chip: str
) -> None:
    path = tmp_path / "compiled.tflite"
    path.write_bytes(one(operator, [Held((1, 4))], [Held((1, 4))]))
    asked.append(COMPILED._replace(database=Database({0: Work(left=True)}), complaints=[]))
    with pytest.raises(
        PassError, match=rf"0 of 1 operators\): it is compiled for {chip} already; take the file"
    ):
        EthosU().compile(artifact(path), Path("work"))


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


def test_every_option_is_told_to_vela(asked: list[Any], model: TFLiteModel) -> None:
    untold = {"config_file", "step", "rule_file", "time_limit"}
    assert {field.name for field in fields(EthosU)} == {*OPTIONS, *untold}
    plain = ["--accelerator-config", "ethos-u55-128", "--optimise", "Performance"]
    for name, (value, words) in OPTIONS.items():
        asked.clear()
        EthosU(**{name: value}).compile(model, Path("work"))
        given = dict(pairwise_of(asked[0][2]))
        assert given == dict(pairwise_of(plain)) | dict(pairwise_of(words)), name


def pairwise_of(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))


def test_a_configuration_of_ones_own_is_given_by_its_whole_path(
    asked: list[Any], model: TFLiteModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert EthosU(config_file="mine.ini").files() == ()
    (tmp_path / "mine.ini").touch()
    own = EthosU(config_file="mine.ini", system_config="Mine")
    own.compile(model, Path("work"))
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
    with pytest.raises(ValueError, match=f"system_config: '{system}' is not a system with {accelerator}"):
        EthosU(accelerator=accelerator, system_config=system)


def test_a_cache_has_at_least_a_byte() -> None:
    with pytest.raises(RecipeError, match="arena_cache_size: 0"):
        typed(EthosU, {"arena_cache_size": 0}, "target.ethos_u")
    assert typed(EthosU, {"arena_cache_size": 1}, "target.ethos_u").arena_cache_size == 1


def test_it_compiles_integers_for_another_machine() -> None:
    assert TARGETS.get("ethos_u") is EthosU
    assert (EthosU.compiles, EthosU.executes, EthosU.integer_only) == (True, False, True)
