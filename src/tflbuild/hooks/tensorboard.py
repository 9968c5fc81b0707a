"""TensorBoard: event files of every pass that trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tflbuild.core.curve import points_of
from tflbuild.core.hook import Hook, hook
from tflbuild.hooks.event_files import EventFile

FIGURES = ("loss", "learning_rate", "images_per_second", "epoch")


@hook("tensorboard")
class TensorBoardLogs(Hook):
    """Write TensorBoard event files of every pass that trains, while it trains.

    They lie in the run folder, in `tensorboard/LABEL`: `loss`, `learning_rate`, `images_per_second` and `epoch` by
    step, and `val/METRIC`, what the gate measured behind the pass, at the last step. A pass that is answered from the
    store is not trained again; its curve was kept with its result, and is written. The logs decide no result.

    Writing needs no package. To look at them: `pip install "tflbuild[tensorboard]"`, then
    `tensorboard --logdir outputs/RECIPE/latest/tensorboard`, or `--logdir outputs` to compare runs. `--tensorboard` on
    the command line is short for this hook.
    """

    def before_build(self, recipe: Mapping[str, Any], folder: Path) -> None:
        """Note where the logs go."""
        self.memory.update(folder=folder / "tensorboard", files={}, last={})

    def on_training(self, point: Mapping[str, Any]) -> None:
        """Write a point of the curve."""
        self._write(point["label"], {name: point[name] for name in FIGURES}, point["step"])

    def after_pass(self, step: Mapping[str, Any]) -> None:
        """Write the curve of a pass that was trained earlier, and what the gate measured."""
        label = step["label"]
        if label not in self.memory["files"]:
            for point in points_of(step.get("curve")):
                self.on_training({"label": label, **point._asdict()})
        if label in self.memory["files"]:
            measured = {f"val/{name}": found["value"] for name, found in step["metrics"].items()}
            self._write(label, measured, self.memory["last"][label])

    def _write(self, label: str, values: Mapping[str, float | None], step: int) -> None:
        files: dict[str, EventFile] = self.memory["files"]
        if label not in files:
            files[label] = EventFile(self.memory["folder"] / label)
        files[label].write({name: value for name, value in values.items() if value is not None}, step)
        self.memory["last"][label] = step
