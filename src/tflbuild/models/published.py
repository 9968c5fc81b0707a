"""Where the weights of tf_keras.applications lie, which were trained on ImageNet: their URLs, by architecture."""

from __future__ import annotations

from collections.abc import Mapping

FOLDER = "https://storage.googleapis.com/tensorflow/keras-applications"

V1: Mapping[float, str] = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}
V1_SIZES = (128, 160, 192, 224)

V2 = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
V2_SIZES = (96, 128, 160, 192, 224)

V3 = (0.75, 1.0)

LARGEST = 224
"""Side of the pictures that the weights for any other size were trained on. [pixels]"""


def mobilenet_v1(alpha: float, size: int) -> str:
    """Give the URL of MobileNet v1's weights.

    Raises:
        ValueError: there are none of this alpha; starts with the option.
    """
    _check(alpha, tuple(V1))
    trained = size if size in V1_SIZES else LARGEST
    return f"{FOLDER}/mobilenet/mobilenet_{V1[alpha]}_{trained}_tf.h5"


def mobilenet_v2(alpha: float, size: int) -> str:
    """Give the URL of MobileNet v2's weights; above alpha 1 there are those of the largest pictures.

    Raises:
        ValueError: there are none of this alpha; starts with the option.
    """
    _check(alpha, V2)
    trained = size if size in V2_SIZES and alpha <= 1 else LARGEST
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{trained}.h5"
    return f"{FOLDER}/mobilenet_v2/{name}"


def mobilenet_v3(kind: str, alpha: float, minimalistic: bool) -> str:
    """Give the URL of MobileNet v3's weights.

    Args:
        kind: "small" or "large".
        alpha: of the architecture.
        minimalistic: likewise.

    Raises:
        ValueError: there are none of this alpha; starts with the option.
    """
    _check(alpha, (1.0,) if minimalistic else V3)
    flag = "_minimalistic" if minimalistic else ""
    return f"{FOLDER}/mobilenet_v3/weights_mobilenet_v3_{kind}{flag}_224_{float(alpha)}_float.h5"


def _check(alpha: float, known: tuple[float, ...]) -> None:
    if alpha not in known:
        raise ValueError(
            f"weights: tf_keras.applications has none for alpha {alpha:g}; it has alpha "
            f"{', '.join(f'{one:g}' for one in known)}"
        )
