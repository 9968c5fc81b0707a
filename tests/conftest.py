"""Fixtures for every test."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import browsing
from plugin_folder import forget_plugins
from tflbuild import plugins

CHECKOUT = Path(__file__).resolve().parent.parent

# The suite starts hundreds of processes, and pytest rewrites every test: compile each module once, not each time.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30
"""Free bytes that are asked for: far more than a run leaves behind."""


def pytest_configure(config: pytest.Config) -> None:
    """Say where temporary files go, and leave the garbage collector out until the tests are known."""
    gc.disable()
    _use_memory(config)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Let the collector look at what tests make, not at ten thousand tests each time."""
    gc.freeze()
    gc.enable()


def _use_memory(config: pytest.Config) -> None:
    """Keep what tests write in memory, where there is enough: every build waits for the disk some twenty times."""
    if config.option.basetemp is None and "PYTEST_DEBUG_TEMPROOT" not in os.environ and _roomy(MEMORY):
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Give the memory back, where nothing failed that somebody will look into."""
    controls = not hasattr(session.config, "workerinput")
    if controls and exitstatus == pytest.ExitCode.OK:
        base = session.config._tmp_path_factory.getbasetemp()
        if base.is_relative_to(MEMORY):
            shutil.rmtree(base, ignore_errors=True)


def _roomy(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ENOUGH


LONGEST = ("test_builds", "test_reproducible", "test_faults", "test_resume", "test_files", "test_exports")
"""Files of about a minute and more of a processor, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, then those of slow tests: none is left to one worker in the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.stem
        return item.path not in slow, LONGEST.index(name) if name in LONGEST else len(LONGEST)

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what tests learn of files out of the user's cache folder."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the store of all workers of this run: what one has trained, the others find or wait for."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "trained"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def no_plugin_stays() -> Iterator[None]:
    """Forget the plugins that a test loads: they would decide what the next one finds."""
    yield
    if plugins.LOCAL_PACKAGE in sys.modules:
        forget_plugins()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of real data, `bccd/` and `cards/`; skip where it is absent."""
    return _shared("data", "TFLBUILD_TEST_DATA")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Give the folder of real model files, `mlperf_tiny/` and others; skip where it is absent."""
    return _shared("models", "TFLBUILD_TEST_MODELS")


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Give the folder of small models that failed, `keras/`, with `shapes/` to run them on; skip where it is absent."""
    return _shared("cases", "TFLBUILD_TEST_CASES")


def _shared(name: str, variable: str) -> Path:
    given = os.environ.get(variable)
    folder = Path(given) if given else CHECKOUT.parent / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"real files are absent: neither ${variable} nor ../shared/{name} is a folder")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[browsing.Browser]:
    """Start a browser, one for a worker: Playwright refuses a second; skip where there is none."""
    pytest.importorskip("playwright", reason="playwright is not installed: pip install 'tflbuild[dev]'")
    if not browsing.chromium():
        pytest.skip("there is no Chromium: apt-get install chromium")
    with browsing.browser() as started:
        yield started


@pytest.fixture
def float_classifier(tmp_path: Path) -> Path:
    """Give a tiny float32 `.tflite`: an 8x8 image to two scores."""
    from tflbuild.tflite.tiny import dense_classifier

    path = tmp_path / "float_classifier.tflite"
    path.write_bytes(dense_classifier())
    return path


@pytest.fixture
def integer_classifier(float_classifier: Path, tmp_path: Path) -> Path:
    """Give the same in int8, its input with the range of raw bytes: scale 1/128, zero point 0."""
    import numpy as np
    from litert_quantizer import quantizer, recipe

    bounds = {"image": (-1.0, 127 / 128), "logits": (-40.0, 40.0), "scores": (0.0, 1.0)}
    ranges = {name: {"min": np.array([low]), "max": np.array([high])} for name, (low, high) in bounds.items()}
    path = tmp_path / "integer_classifier.tflite"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors", UserWarning)
        made = quantizer.Quantizer(str(float_classifier))
        made.load_quantization_recipe(recipe.static_wi8_ai8())
        made.quantize(ranges).export_model(str(path), overwrite=True)
    return path


@pytest.fixture(scope="session")
def onnx_environment(cache_folder: None) -> Path:
    """Give the environment `onnx` of this machine's user, as it is; skip where it was not made."""
    return _environment("onnx")


@pytest.fixture(scope="session")
def torch_environment(cache_folder: None) -> Path:
    """Give the environment `torch` of this machine's user, as it is; skip where it was not made."""
    return _environment("torch")


def _environment(name: str) -> Path:
    from tflbuild.core.environment import ENVIRONMENTS

    given = os.environ.get("TFLBUILD_TEST_ENVIRONMENTS")
    real = Path(given) if given else Path("~/.cache/tflbuild/environments").expanduser()
    seen = ENVIRONMENTS.get(name)().folder()
    if not (real / seen.name / "ready.json").is_file():
        pytest.skip(f"the environment '{name}' was not made: tflbuild setup {name}")
    seen.parent.mkdir(parents=True, exist_ok=True)
    if not seen.exists():
        seen.symlink_to(real / seen.name)
    return seen
