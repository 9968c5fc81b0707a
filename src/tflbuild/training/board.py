"""TensorBoard logs of a training: event files with loss, learning rate and epoch by step, and what a gate measured.

Writing them changes no result: they are written between steps, from numbers that are looked at anyway. TensorFlow is
imported where something is written: the engine names `measured` as an entry point, and looking at that is light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any


class Board:
    """The event file of one training.

    Args:
        folder: for it; None for no logs.
        first: steps that were trained before, under the same label.
        epoch: steps of an epoch; 0 where nobody says.
    """

    def __init__(self, folder: Path | None, first: int = 0, epoch: float = 0.0) -> None:
        self._writer: Any = None if folder is None else _writer(folder)
        self._first, self._epoch = first, epoch

    def write(self, step: int, loss: float, learning_rate: Callable[[], float]) -> None:
        """Write what is known behind a step, at once, so that TensorBoard shows a training that goes on.

        Args:
            step: number of steps that this training has done.
            loss: of the last of them.
            learning_rate: gives that of the last of them; is not asked without logs.
        """
        if self._writer is None:
            return
        values = {"loss": loss, "learning_rate": learning_rate()}
        done = self._first + step
        _write(self._writer, values | ({"epoch": done / self._epoch} if self._epoch else {}), done)

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()


def measured(folder: Path, values: Mapping[str, float], progress: object = None) -> None:
    """Write what the gate behind a training measured, at the training's last step.

    Args:
        folder: of the training's logs.
        values: of its metrics, by name.
        progress: is told nothing.
    """
    last = max((event.step for event in events(folder)), default=0)
    writer = _writer(folder)
    _write(writer, {f"val/{name}": value for name, value in values.items()}, last)
    writer.close()


def events(folder: Path) -> Iterator[Any]:
    """Read the event files of a folder, in their order: each event is TensorBoard's `Event`, with `step`."""
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    for file in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(file)):
            yield event_pb2.Event.FromString(record.numpy())


def _writer(folder: Path) -> Any:
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))


def _write(writer: Any, values: Mapping[str, float], step: int) -> None:
    """Write scalars as TensorBoard's own `tf.summary.scalar` does, which TensorFlow lacks where that is missing."""
    import tensorflow as tf
    from tensorflow.core.framework import summary_pb2

    mark = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="scalars"),
        data_class=summary_pb2.DATA_CLASS_SCALAR,
    )
    with writer.as_default():
        for name, value in values.items():
            tf.summary.write(name, tf.constant(value, tf.float32), step=step, metadata=mark)
    writer.flush()
