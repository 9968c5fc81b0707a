"""Kinds of file that others may have made, how each is altered, and the commands that read it."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py

from mutating import alterations

TINY = "recipe=tiny"
KERAS = ["recipe=mobilenet_v1_int8", "model=keras", "data=image_folder", "data.root=shapes"]
DETECTION = ["recipe=ssd_mobilenet_int8", "train.steps=1"]

Alter = Callable[[bytes, random.Random], bytes]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of file.

    Attributes:
        files: gives the specimens in a folder that `specimens.lay` laid out and in which `tiny` was built.
        alter: alters the bytes of one.
        commands: of which each is given every altered file; `{file}` and `{folder}` are its own.
    """

    files: Callable[[Path], list[Path]]
    alter: Alter
    commands: tuple[tuple[str, ...], ...]


def _one(*parts: str) -> Callable[[Path], list[Path]]:
    return lambda place: [place.joinpath(*parts)]


def _found(pattern: str) -> Callable[[Path], list[Path]]:
    return lambda place: sorted(path for path in place.glob(pattern) if not path.is_symlink())


def _h5(content: bytes, chance: random.Random) -> bytes:
    """Alter a model's configuration as JSON, or any byte of the file."""
    if chance.random() < 0.4:
        return alterations.of_bytes(content, chance)
    held = io.BytesIO(content)
    with h5py.File(held, "a") as file:
        config = alterations.of_value(json.loads(file.attrs["model_config"]), chance)
        text = alterations.json_text(config)
        file.attrs["model_config"] = text[:60_000]
    return held.getvalue()


def _keras(content: bytes, chance: random.Random) -> bytes:
    """Alter one member of the archive, or any byte of it."""
    if chance.random() < 0.3:
        return alterations.of_bytes(content, chance)
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        chosen = chance.choice((*archive.namelist(), "config.json"))
        with zipfile.ZipFile(target, "w") as altered:
            for name in archive.namelist():
                member = archive.read(name)
                if name == chosen:
                    way = alterations.of_json if name.endswith(".json") else alterations.of_bytes
                    member = way(member, chance)
                altered.writestr("../outside/x" if chance.random() < 0.02 else name, member)
    return target.getvalue()


KINDS: dict[str, Kind] = {
    "h5": Kind(
        files=_one("models", "given.h5"), alter=_h5, commands=(("plan", *KERAS, "model.path={file}"),)
    ),
    "keras": Kind(
        files=_one("models", "given.keras"), alter=_keras, commands=(("plan", *KERAS, "model.path={file}"),)
    ),
    "tflite": Kind(
        files=_found("outputs/tiny/2*/model.tflite"),
        alter=alterations.of_bytes,
        commands=(("predict", "{file}", "shapes/cat/0.png"),),
    ),
    "npz": Kind(
        files=_one("models", "images.npz"),
        alter=alterations.of_bytes,
        commands=(("plan", *DETECTION, "quantize.calibration.source={file}"),),
    ),
    "coco": Kind(
        files=_one("coco", "train.json"),
        alter=alterations.of_json,
        commands=(("plan", *DETECTION, "data=coco", "data.root=coco"),),
    ),
    "voc": Kind(
        files=_found("voc/**/*.xml"),
        alter=alterations.of_text,
        commands=(("plan", *DETECTION, "data=voc", "data.root=voc"),),
    ),
    "picture": Kind(
        files=_found("shapes/*/*.png"),
        alter=alterations.of_bytes,
        commands=(("plan", TINY),),
    ),
    "record": Kind(
        files=_found("store/actions/**/*.json"),
        alter=alterations.of_json,
        commands=(("plan", TINY), ("cache", "verify", "store.path=store")),
    ),
    "lock": Kind(
        files=_found("outputs/tiny/2*/recipe.lock.yaml"),
        alter=alterations.of_yaml,
        commands=((TINY, "locked={file}"), ("verify", "{folder}")),
    ),
    "report": Kind(
        files=_found("outputs/tiny/2*/report.json"),
        alter=alterations.of_json,
        commands=(("report", "{folder}"), ("compare", "{folder}", "{folder}"), ("verify", "{folder}")),
    ),
    "bundle": Kind(
        files=_found("outputs/*/2*/reproduce.yaml"),
        alter=alterations.of_yaml,
        commands=(("reproduce", "{folder}"),),
    ),
    "sweep": Kind(
        files=_found("outputs/**/sweep.json"),
        alter=alterations.of_json,
        commands=(("rerun", "{folder}"),),
    ),
    "recipe": Kind(files=_one("recipes", "tiny.yaml"), alter=alterations.of_yaml, commands=(("plan", TINY),)),
}
