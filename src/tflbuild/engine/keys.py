"""Action keys: everything that decides a result, and nothing else.

Longer than most modules: every preimage of a key is in it, so that what one has and another lacks is seen side by side.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from tflbuild.core import digest, toolchain
from tflbuild.core.analysis import Analysis
from tflbuild.core.artifact import Artifact
from tflbuild.core.budget import Limit
from tflbuild.core.code import code_digest, tools_of
from tflbuild.core.compiler_pass import kinds_of
from tflbuild.core.dataset import Index
from tflbuild.core.export import Proof
from tflbuild.core.machine import cpu_name
from tflbuild.core.meaning import Meaning
from tflbuild.core.metric import METRICS, FileMetric
from tflbuild.core.modality import MODALITIES
from tflbuild.core.names import Names
from tflbuild.core.options import to_json
from tflbuild.core.recipe import Recipe, Step
from tflbuild.core.runtime import RUNTIMES, Runtime, usual_runtime
from tflbuild.core.target import BY_RULES, Target
from tflbuild.core.task import TASKS
from tflbuild.engine.gate import GATE_SPLIT, judge_against
from tflbuild.engine.inputs import Inputs
from tflbuild.engine.modules import module_of, modules_of, tools_of_inputs
from tflbuild.engine.storage.store import KEY_SCHEMA

ARRAY_TOOLS = ("numpy",)
LITERT_TOOLS = ("ai_edge_litert", "numpy")


class Keys:
    """Preimages of every action of a recipe on its data.

    They stand in one long class, so that a field that one of them lacks is seen beside the others.

    Args:
        recipe: what is wanted.
        index: what its data set holds.
        sources: files of every other source that passes read with their digests, by the source's text.
        names: what evaluates, by dotted name.
    """

    def __init__(
        self, recipe: Recipe, index: Index, sources: Mapping[str, Mapping[str, str]], names: Names
    ) -> None:
        self.recipe = recipe
        self.index = index
        self._sources = sources
        self._names = names

    def of_index(self, index: Index) -> Keys:
        """Give the preimages of the same recipe on other samples of its data set."""
        return Keys(self.recipe, index, self._sources, self._names)

    def action(self, step: Step, inputs: Inputs) -> dict[str, Any]:
        """Give the preimage of a pass on what it is given."""
        preimage = self.preimage_but_input(step)
        if inputs.model is not None:
            preimage["input"] = _decisive(inputs.model)
            preimage["nouns"] = self._nouns(step, Meaning.of(inputs.model))
        if inputs.models:
            preimage["models"] = {label: _decisive(model) for label, model in inputs.models.items()}
        if inputs.held:
            preimage["judging"] |= {
                "limits": [
                    {**_limit(held.limit), "baseline": held.baseline.digest if held.baseline else ""}
                    for held in inputs.held
                ],
                "metrics": _metrics_code(held.limit for held in inputs.held),
            }
        if inputs.base is not None:
            preimage["judging"]["base"] = inputs.base.digest
        return preimage

    def preimage_but_input(self, step: Step) -> dict[str, Any]:
        """Give the preimage of a pass without its input, which may not be known yet."""
        options = step.options
        cls = type(options)
        starts = kinds_of(cls)[0] is None
        preimage: dict[str, Any] = {
            "schema": KEY_SCHEMA,
            "pass": cls.name,
            "code": code_digest(cls.__module__),
            "options": to_json(options),
            "seed": self.recipe.seed,
            "toolchain": tools_of(cls.__module__) | toolchain.require(cls.needs, f"pass '{cls.name}'"),
        }
        if starts:
            preimage["nouns"] = self._nouns(step, None)
            preimage["meaning"] = {"task": self.recipe.data.task, "modality": self.recipe.data.modality}
        if starts or options.asks_model():
            preimage["model"] = self._model
        reads = options.reads()
        if reads:
            preimage["data"] = {source: self.source(source) for source in reads}
        if reads or starts:
            preimage["reader"] = {"code": self._reader, "preprocess": to_json(self.recipe.data.preprocess)}
        if cls.trains:
            preimage["augment"] = to_json(self.recipe.data.augment)
            preimage["environment"] = self._environment
        if options.judges():
            limits = [_limit(limit) for limit in step.limits]
            preimage["judging"] = {"limits": limits, "metrics": _metrics_code(step.limits), **self._judging}
        return preimage

    def predictions(self, model: Artifact, split: str, runtime: Runtime | None = None) -> dict[str, Any]:
        """Give the preimage of a model's predictions on a split.

        Not how many processes share the images: what they write together does not depend on it.

        Raises:
            PassError: nothing can execute a model of this kind.
        """
        executes = runtime or usual_runtime(model.kind)()
        meaning = Meaning.of(model)
        tools = dict.fromkeys((*executes.needs, *tools_of_inputs(meaning)))
        modules = [type(executes).__module__, *modules_of(meaning, served=not executes.light)]
        preimage = {
            "schema": KEY_SCHEMA,
            "measure": "predictions",
            "code": code_digest(module_of(self._names.predict), *modules),
            "runtime": {"name": type(executes).name, "options": to_json(executes), **executes.key()},
            "toolchain": toolchain.require(tools, "evaluation"),
            "input": {"digest": model.digest, "meta": digest.of_json(model.meta.get("facts", {}))},
            "data": self.index.digest(split),
            "reader": self._reader,
            "cpu": platform.machine(),
        }
        if not executes.light:
            preimage["environment"] = self._environment
        return preimage

    def truth(self, split: str) -> dict[str, Any]:
        """Give the preimage of a split's annotations as arrays."""
        return {
            "schema": KEY_SCHEMA,
            "measure": "truth",
            "task": self.recipe.data.task,
            "code": code_digest(module_of(self._names.truth), TASKS.get(self.recipe.data.task).__module__),
            "toolchain": toolchain.require(ARRAY_TOOLS, "evaluation"),
            "data": self.index.digest(split),
            "reader": self._reader,
        }

    def accuracy(self, metric: str, predictions: str, truth: str) -> dict[str, Any]:
        """Give the preimage of a metric of predictions; they and the truth are named by the digest of their file."""
        cls = METRICS.get(metric)
        return {
            "schema": KEY_SCHEMA,
            "measure": "accuracy",
            "metric": metric,
            "code": code_digest(self._names.measuring, cls.__module__),
            "toolchain": toolchain.require(cls.needs, f"metric '{metric}'"),
            "predictions": predictions,
            "truth": truth,
        }

    def differing(
        self, model: Artifact, base: Artifact, split: str, runtime: Runtime | None
    ) -> dict[str, Any]:
        """Give the preimage of how far a delivered file is from the model that it was written of."""
        return {
            "schema": KEY_SCHEMA,
            "measure": "difference",
            "code": _code(self._names.differ),
            "model": self.predictions(model, split, runtime),
            "base": self.predictions(base, split),
        }

    def equality(self, model: Artifact, split: str, runtime: Runtime) -> dict[str, Any]:
        """Give the preimage of whether a runtime computes the bytes of its peer."""
        return {
            "schema": KEY_SCHEMA,
            "measure": "equality",
            "code": _code(self._names.equality),
            "runtime": self.predictions(model, split, runtime),
            "peer": self.predictions(model, split, runtime.peer()),
        }

    def samples(self, proof: Proof, split: str) -> dict[str, Any]:
        """Give the preimage of the samples of this index, with what a delivered file gives for them."""
        preimage = self.predictions(proof.model, split, proof.runtime)
        return {
            **preimage,
            "measure": "samples",
            "code": [preimage["code"], _code(self._names.samples)],
            "delivered": proof.delivered.digest,
            "of": proof.of,
            "export": to_json(proof.export),
            "keys": digest.of_json([sample.key for sample in self.index.splits[split]]),
            "cpu": cpu_name(),
        }

    def comparison(self, metric: str, before: str, after: str, truth: str) -> dict[str, Any]:
        """Give the preimage of a paired difference."""
        preimage = self.accuracy(metric, after, truth)
        return {**preimage, "measure": "comparison", "before": before}

    def chance(
        self, predictions: str, truth: str, listed: Mapping[str, Sequence[str]], split: str
    ) -> dict[str, Any]:
        """Give the preimage of a look at a base; predictions and truth are named by the digest of their file."""
        return {
            "schema": KEY_SCHEMA,
            "measure": "chance",
            "code": _code(self._names.chance),
            "toolchain": toolchain.require(ARRAY_TOOLS, "evaluation"),
            "predictions": predictions,
            "truth": truth,
            "split": split,
            "listed": {name: list(labels) for name, labels in listed.items()},
        }

    def readings(self, model: Artifact, split: str, finding: Mapping[str, Any]) -> dict[str, Any]:
        """Give the preimage of a base's trial with other readings of its input."""
        preimage = self.predictions(model, split)
        code = [preimage["code"], _code(self._names.readings)]
        return {**preimage, "measure": "readings", "code": code, "finding": digest.of_json(finding)}

    def analysis(
        self, analysis: Analysis, models: Mapping[str, Artifact], predicted: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Give the preimage of an analysis of models.

        Args:
            analysis: it.
            models: by name.
            predicted: digests of the files with predictions that it looks at, by name; None for one that does not.
        """
        cls = type(analysis)
        meanings = [Meaning.of(model) for model in models.values()]
        modules = {name for meaning in meanings for name in modules_of(meaning, served=True)}
        asks = cls.asks if predicted is not None else ""
        asked = [getattr(meaning.kind, asks) for meaning in meanings if asks]
        modules |= {module_of(dotted) for dotted in asked if dotted}
        tools = dict.fromkeys((*cls.needs, *(tool for of in meanings for tool in tools_of_inputs(of))))
        return {
            "schema": KEY_SCHEMA,
            "measure": "analysis",
            "analysis": cls.name,
            "code": code_digest(cls.__module__, *sorted(modules)),
            "options": to_json(analysis),
            "seed": self.recipe.seed,
            "toolchain": tools_of(cls.__module__) | toolchain.require(tools, f"analysis '{cls.name}'"),
            "models": {name: _decisive(model) for name, model in models.items()},
            "data": {source: self.source(source) for source in analysis.reads()},
            "reader": {"code": self._reader, "preprocess": to_json(self.recipe.data.preprocess)},
            **({} if analysis.is_light(models) else {"environment": self._environment}),
            **({} if predicted is None else {"predicted": dict(predicted)}),
            **({"cpu": cpu_name()} if cls.timed else {}),
        }

    def file_metric(self, metric: str, model: Artifact) -> dict[str, Any]:
        """Give the preimage of a metric of the file itself; one that times it depends on the machine too."""
        cls = METRICS.get(metric)
        assert issubclass(cls, FileMetric)
        return {
            "schema": KEY_SCHEMA,
            "measure": "file",
            "metric": metric,
            "code": code_digest(cls.__module__),
            "input": model.digest,
            "cpu": "" if cls.exact else cpu_name(),
            "toolchain": toolchain.require(cls.needs, f"metric '{metric}'"),
        }

    def delivery(self, target: str, model: Artifact) -> dict[str, Any]:
        """Give the preimage of what a target makes of a model, and reports."""
        options = self.recipe.targets[target]
        return {
            "schema": KEY_SCHEMA,
            "target": type(options).name,
            "code": code_digest(type(options).__module__),
            "options": to_json(options),
            "files": [digest.of_file(path) for path in options.files()],
            "placement": _placement(options),
            **({"device": dict(device)} if (device := options.device()) else {}),
            "input": model.digest,
            "meta": digest.of_json(model.meta),
            "described": code_digest(module_of(self._names.describe), *modules_of(Meaning.of(model))),
            "cpu": cpu_name(),
            "toolchain": tools_of(type(options).__module__, module_of(self._names.describe))
            | toolchain.require((*type(options).needs, *LITERT_TOOLS), f"target '{target}'"),
        }

    def source(self, source: str) -> str:
        """Give the content digest of what a pass reads."""
        prefix, _, split = source.partition(".")
        if prefix == "data" and split in self.index.splits:
            return self.index.digest(split)
        return digest.of_json(list(self._sources[source].values()))

    def listing(self, source: str) -> Mapping[str, str]:
        """List the files or samples of a source by name, with the digest of each."""
        prefix, _, split = source.partition(".")
        if prefix == "data" and split in self.index.splits:
            return {sample.key: sample.digest for sample in self.index.splits[split]}
        return self._sources[source]

    def _nouns(self, step: Step, meaning: Meaning | None) -> str:
        """Digest the code of the task and the modalities that a pass works with, which it does not import itself."""
        cls = type(step.options)
        if meaning is not None:
            return code_digest(*modules_of(meaning, served=True, trained=cls.trains))
        data = self.recipe.data
        task, modality = TASKS.get(self.recipe.model.task_on(data.task)), MODALITIES.get(data.modality)
        dotted = [task.serving, *([task.training, modality.training] if cls.trains else [])]
        return code_digest(
            task.__module__, modality.__module__, *(module_of(name) for name in dotted if name)
        )

    @cached_property
    def _model(self) -> dict[str, Any]:
        model = self.recipe.model
        weights = model.starts_with()
        unkeyed = ("path", "weights") if weights else ("path",)
        options = {k: v for k, v in to_json(model).items() if k not in unkeyed}
        return {
            "type": type(model).name,
            "code": code_digest(type(model).__module__),
            "options": options,
            "files": [digest.of_file(path) for path in model.files()],
            **({"weights": {**weights, **_reading(model.starting)}} if weights else {}),
            "classes": list(self.index.classes),
        }

    @cached_property
    def _judging(self) -> dict[str, Any]:
        """Give the part of a preimage that decides the judgement of a candidate, besides the limits."""
        names = self._names
        runtimes = (found.__module__ for _, found in RUNTIMES.items() if found.usual)
        return {
            "strict": self.recipe.strict,
            "split": self.index.digest(GATE_SPLIT),
            "code": [_code(names.predict), _code(names.truth), code_digest(*runtimes)],
            "evaluation": code_digest(names.measuring, judge_against.__module__),
        }

    @cached_property
    def _reader(self) -> str:
        data = self.recipe.data
        return code_digest(type(data).__module__, *data.code())

    @cached_property
    def _environment(self) -> dict[str, Any]:
        return {
            "threads": self.recipe.worker.threads,
            "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1"),
            "device": self.recipe.device,
            "machine": platform.machine(),
        }


def _reading(module: str) -> dict[str, Any]:
    """Name what reads the weights that a training starts from, and matches them."""
    return {"code": code_digest(module), "toolchain": tools_of(module)}


def _decisive(model: Artifact) -> dict[str, str]:
    return {"fingerprint": model.fingerprint, "meta": digest.of_json(model.meta)}


def _limit(limit: Limit) -> dict[str, Any]:
    return {"metric": limit.metric, **limit.to_json()}


def _metrics_code(limits: Iterable[Limit]) -> str:
    return code_digest(*sorted({METRICS.get(limit.metric).__module__ for limit in limits}))


def _code(dotted: str) -> str:
    return code_digest(module_of(dotted))


def _placement(target: Target) -> list[str]:
    """Digest what says which operators a device runs."""
    table = target.rule_table()
    return [code_digest(module_of(BY_RULES)), digest.of_file(table)] if table and table.is_file() else []
