"""The layers of a `.keras` file, of tf_keras or Keras 3: names by its configuration, numbers by its HDF5 file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py

from tflbuild.formats.keras import archive
from tflbuild.formats.keras.config import MALFORMED
from tflbuild.weights import config as keras_config
from tflbuild.weights import hdf5
from tflbuild.weights.layer import Layer
from tflbuild.weights.matching import Theirs


def theirs_of(content: bytes) -> Theirs:
    """Read the layers of a `.keras`.

    Raises:
        ValueError: it is damaged, or its weights are not where its configuration says; completes "it ".
    """
    found = archive.unpack(content)
    hdf5.surveyed(found.weights)
    places = keras_config.places_of(found.config)
    try:
        with h5py.File(h5py.h5f.open_file_image(found.weights)) as file:
            return Theirs(layers=list(_layers(file, places)))
    except (*MALFORMED, OSError) as error:
        raise ValueError(f"holds weights that cannot be read ({type(error).__name__})") from error


def _layers(file: Any, places: list[keras_config.Place]) -> Iterator[Layer]:
    for place in places:
        group = file.get(f"{place.group}/vars")
        if group is not None and len(group):
            yield hdf5.numbered(group, place.name, place.word, place.epsilon)
