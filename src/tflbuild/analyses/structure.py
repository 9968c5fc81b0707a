"""Mistakes in the structure of a model that no tool refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from tflbuild.analyses.attribution import stages
from tflbuild.analyses.per_layer import measuring
from tflbuild.analyses.structural.form import FORM
from tflbuild.analyses.structural.looking import Looked, looked
from tflbuild.core.analysis import Analysis, AnalysisContext, Finding, analysis
from tflbuild.core.artifact import Artifact, KerasModel, TFLiteModel
from tflbuild.core.cause import Cure
from tflbuild.core.exhibit import Exhibit
from tflbuild.formats.keras.training_calls import norms_in_training

if TYPE_CHECKING:
    from tflbuild.tflite.structure import Sparse

PRUNED = 0.9
"""Share of a head's weights that are zero from which it is told."""

DEAD = 0.5
"""Share of a layer's channels that are dead from which it is told."""

BASE = "base"

TYPED = re.compile(r"[A-Za-z0-9_.-]+")
"""Form of a layer's name that may be typed: it comes from a file, and goes into a shell."""

PRUNE = "prune"
"""Begins the label of a step that prunes."""


@analysis("structure")
class Structure(Analysis):
    """Look for mistakes in a model's structure, which compute something and are no error to any tool.

    Probabilities that are made twice: a softmax or a sigmoid that reads what another one gave, by the graph, or a
    softmax that reads numbers which are none below 0 and sum to 1 on every sample. A batch norm in training mode, which
    normalises a sample by itself: in a `.tflite` a mean and a variance over the axis of samples, in a Keras file a call
    with `training=True`. A head whose weights are all zero in the base. These are causes.

    A head of which more than nine tenths of the weights are zero, or all, where they are not in the base, explains a
    step that the ladder blames, and nothing otherwise. Layers of which half the channels are dead are told.
    """

    needs = ("ai_edge_litert", "numpy", "PIL")
    of = ("base", "model")
    title = "the structure of the model"
    form = FORM
    explains = True
    steps = True

    samples: Annotated[int, Ge(1)] = 8
    """Samples of the test split that are run, at most. More give surer results and take longer. [samples]"""

    def reads(self) -> tuple[str, ...]:
        """Read some samples."""
        return (measuring.SOURCE,)

    def run(self, models: Mapping[str, Artifact], ctx: AnalysisContext) -> Sequence[Finding]:
        """Look at base and delivered file; what the base has is said of the base."""
        base = models["base"]
        norms = norms_in_training(base.path) if isinstance(base, KerasModel) else []
        found = [_in_training(name, BASE) for name in norms]
        first, model = stages.float_step(models), models["model"]
        before = self._look(first, ctx) if first is not None else Looked()
        after = before
        if isinstance(model, TFLiteModel) and (first is None or first.digest != model.digest):
            after = self._look(model, ctx)
        if not found:
            found = list(_of_graphs(before, after))
        steps = stages.labels_in(models)
        return [*found, *_of_heads(before, after, steps), *_of_dead(after)]

    def _look(self, model: TFLiteModel, ctx: AnalysisContext) -> Looked:
        return looked(measuring.graph_of(model), measuring.samples_of(model, ctx, self.samples))

    def lines(self, findings: Sequence[Finding]) -> list[str]:
        """Say what was found."""
        return [str(finding.get("text") or finding.get("summary") or "") for finding in findings]

    def exhibits(self, findings: Sequence[Finding]) -> list[Exhibit]:
        """Say it on the page."""
        text = tuple(f"{line[:1].upper()}{line[1:]}." for line in self.lines(findings))
        return [Exhibit(title=self.title, text=text, parts=())] if text else []


def _of_graphs(before: Looked, after: Looked) -> Iterator[dict[str, Any]]:
    for one in after.twice:
        stage = BASE if before.twice else stages.CONVERTED
        yield _twice(one.first, one.second, _layer(one.tensor, one.second), stage)
    for name in after.fed:
        yield _twice("", "SOFTMAX", _layer(name, "SOFTMAX"), BASE if before.fed else stages.CONVERTED)
    for found in after.training:
        yield _in_training(_layer(found.mean, "MEAN"), BASE if before.training else stages.CONVERTED)


def _layer(tensor: str, operator: str) -> str:
    from tflbuild.quantization.sensitivity import layer_name

    return layer_name(tensor, operator)


def _twice(first: str, second: str, layer: str, stage: str) -> dict[str, Any]:
    words = {"SOFTMAX": "softmax", "LOGISTIC": "sigmoid"}
    given = f"what a {words[first]} gave" if first else "numbers that are probabilities already"
    cure = Cure(f"export the model without the {words[second]} '{layer}'", effort="minutes")
    return {
        "cause": f"structure.double_{words[second]}",
        "stage": stage,
        "layer": layer,
        "text": (
            f"the {words[second]} '{layer}' reads {given}: the classes keep their order, but scores move "
            f"closer together, and 8 bits distinguish fewer of them"
        ),
        "cures": [cure.to_json()],
    }


def _in_training(layer: str, stage: str) -> dict[str, Any]:
    cure = Cure("export the model in inference mode: call it with training=False", effort="minutes")
    return {
        "cause": "batch_norm.training",
        "stage": stage,
        "layer": layer,
        "text": (
            f"the batch norm '{layer}' is in training mode: it normalises by its batch, and a device runs "
            f"one sample at a time"
        ),
        "cures": [cure.to_json()],
    }


def _of_heads(before: Looked, after: Looked, steps: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Tell heads without weights; that they were pruned is a cause where the base's are not, and a step is blamed."""
    known = {place: one.zeros for place, one in enumerate(before.zeros)}
    label = next((step for step in steps if step.startswith(PRUNE)), "")
    for place, one in enumerate(after.zeros):
        if not one.head or one.zeros <= PRUNED:
            continue
        own = known.get(place, 0.0) <= PRUNED and len(before.zeros) in (0, len(after.zeros))
        yield _head(one, own and bool(known), label)


def _head(one: Sparse, own: bool, label: str) -> dict[str, Any]:
    layer = _layer(one.tensor, one.operator)
    known = {"layer": layer, "zeros": one.zeros}
    if one.zeros == 1:
        cure = Cure("restore the weights of the head", effort="training")
        text = f"all weights of the head '{layer}' are zero: its output is the same for every sample"
        stage = stages.WEIGHTS if own else BASE
        return {
            "cause": "structure.zero_head",
            "stage": stage,
            "only_if_blamed": own,
            "text": text,
            "cures": [cure.to_json()],
            **known,
        }
    text = f"{100 * one.zeros:.3g} % of the weights of the head '{layer}' are zero"
    if not own and not label:
        return {"summary": text, **known}
    override = f"'{label}.exclude=[{layer}]'" if label and TYPED.fullmatch(layer) else ""
    cure = Cure(f"leave the head '{layer}' dense", override, effort="training")
    return {
        "cause": "structure.pruned_head",
        "stage": f"{stages.PASS}{label}" if label else stages.WEIGHTS,
        "only_if_blamed": True,
        "text": text,
        "cures": [cure.to_json()],
        **known,
    }


def _of_dead(after: Looked) -> Iterator[dict[str, Any]]:
    rows = [one for one in after.zeros if one.dead >= DEAD * one.channels and one.zeros < 1]
    if rows:
        named = ", ".join(
            f"{_layer(one.tensor, one.operator)} ({one.dead} of {one.channels})" for one in rows[:3]
        )
        more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
        yield {
            "summary": f"at least half of the channels have almost zero weights in {named}{more}",
            "dead": [
                {"layer": _layer(one.tensor, one.operator), "dead": one.dead, "channels": one.channels}
                for one in rows
            ],
        }
