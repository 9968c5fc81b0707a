"""Try the cures of a diagnosis: build each, and measure what it gave back."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tflbuild import session
from tflbuild.commands.words import warn
from tflbuild.core import digest
from tflbuild.core.artifact import TFLiteModel
from tflbuild.core.cause import Cause
from tflbuild.core.errors import TflbuildError
from tflbuild.core.plain_text import plain
from tflbuild.engine.deliver import FINAL_SPLIT
from tflbuild.engine.diagnosis import Diagnosis
from tflbuild.engine.events import Listener
from tflbuild.engine.opened import Opened
from tflbuild.recipe.load import load_recipe


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The start of the trials of a diagnosis.

    Attributes:
        words: that build the model, e.g. `recipe=int8 model.path=M data.root=D`.
        store: of the diagnosed model's recipe, opened.
        model: the diagnosed file.
        metric: what the ladder was told in.
        value: of the diagnosed file.
        tell: is told what the builds do.
    """

    words: Sequence[str]
    store: Opened
    model: TFLiteModel
    metric: str
    value: float
    tell: Listener


def changing(causes: Sequence[Cause], resolved: Mapping[str, Any]) -> list[Cause]:
    """Leave out cures that a recipe follows already.

    Args:
        causes: of a diagnosis.
        resolved: the recipe that built what was diagnosed, as its report has it.
    """
    return [
        cause._replace(cures=tuple(cure for cure in cause.cures if _changes(cure.override, resolved)))
        for cause in causes
    ]


def _changes(override: str, resolved: Mapping[str, Any]) -> bool:
    """Say whether an override changes anything; words without one may."""
    if not override:
        return True
    pairs = [word.partition("=") for word in shlex.split(override)]
    return any(_value_at(resolved, key) != yaml.safe_load(text) for key, _, text in pairs)


def _value_at(mapping: Any, key: str) -> Any:
    """Give what a dotted key names; None where there is no such thing."""
    for part in key.split("."):
        mapping = mapping.get(part) if isinstance(mapping, Mapping) else None
    return mapping


def tried(diagnosis: Diagnosis, trial: Trial, count: int) -> Diagnosis:
    """Build the first cures that have an override; each says then what it gave, in `tried`."""
    left, causes = count, []
    for cause in diagnosis.causes:
        cures = []
        for cure in cause.cures:
            if cure.override and left > 0:
                left -= 1
                cure = cure._replace(tried=_built(cure.override, trial))
            cures.append(cure)
        causes.append(cause._replace(cures=tuple(cures)))
    return replace(diagnosis, causes=causes)


def _built(override: str, trial: Trial) -> dict[str, Any]:
    """Build with an override, and hold what comes out to the diagnosed file."""
    try:
        recipe = load_recipe([*trial.words, *shlex.split(override)])
        outcome = session.build_once(recipe, (trial.tell,))
    except TflbuildError as error:
        return {"failed": plain(error, 400)}
    report = outcome.report
    if outcome.error is not None or not report["targets"]:
        return {"failed": plain(outcome.error, 400), "run": str(report.folder)}
    target = report["targets"][0]
    measured = target["metrics"].get(trial.metric)
    if not measured or measured["value"] is None:
        return {"failed": f"{trial.metric} was not measured", "run": str(report.folder)}
    found = {"value": measured["value"], "gain": measured["value"] - trial.value, "run": str(report.folder)}
    return found | _paired(Path(report.folder) / target["path"], trial)


def _paired(path: Path, trial: Trial) -> dict[str, float]:
    """Give the interval of the gain, paired by sample; {} where the two builds are not measured on the same truth."""
    from tflbuild.tflite.flatbuffer import read_facts

    if path.suffix != TFLiteModel.suffix:
        return {}
    facts, sha256 = read_facts(path), digest.of_file(path)
    if not facts or facts["labels"] != trial.model.meta["facts"]["labels"]:
        return {}
    model = TFLiteModel(path=path, digest=sha256, fingerprint=sha256, meta={"facts": facts})
    try:
        change = trial.store.measurer.compare(trial.metric, trial.model, model, FINAL_SPLIT)
    except TflbuildError as error:
        warn([f"the cure's gain has no interval: {error}"])
        return {}
    return {"gain": change.value, "low": change.low, "high": change.high}
