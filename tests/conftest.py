"""Fixtures for every test."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what tests learn of files out of the user's cache folder."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


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


@pytest.fixture
def float_classifier(tmp_path: Path) -> Path:
    """Give a tiny float32 `.tflite`: an 8x8 image to two scores."""
    from tflbuild.backends.tiny import dense_classifier

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
