from __future__ import annotations

import numpy as np
import pytest

from tflbuild.core.errors import DataError
from tflbuild.core.meaning import Input, Meaning
from tflbuild.core.modality import Batch

pytestmark = pytest.mark.slow

MEANING = Meaning(task="reconstruction", inputs={"values": Input(modality="vector", shape=(2,))})


def test_the_target_is_the_input_and_an_abnormal_sample_is_refused() -> None:
    from tflbuild.tasks.reconstruction import training

    none = [np.zeros((0, 4), np.float32)] * 2
    normal = Batch(np.ones((2, 2), np.float32), none, [np.array([0]), np.array([0])])
    codes, wanted = training.targeting(MEANING)(normal)
    assert np.array_equal(codes, wanted)
    mixed = normal._replace(labels=[np.array([0]), np.array([1])])
    with pytest.raises(DataError, match="holds an abnormal sample"):
        training.targeting(MEANING)(mixed)


def test_the_loss_is_the_mean_squared_error() -> None:
    import tensorflow as tf

    from tflbuild.tasks.reconstruction import training

    loss = training.loss(None, None)
    made, wanted = tf.constant([[1.0, 3.0]]), tf.constant([[1.0, 1.0]])
    assert float(loss(made, (wanted,))) == 2.0
    taught = training.with_teacher(loss, None, None, 0.25, 1.0)
    assert float(taught(made, (wanted, tf.constant([[1.0, 7.0]])))) == 0.75 * 2 + 0.25 * 8
