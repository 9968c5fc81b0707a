"""Layers of Keras 3 that tf_keras has too: how each is written there, and which weights it has.

Read off the sources of Keras 3.15 and tf_keras 2.21; a test builds every layer of the table with both and compares what
they compute. What is not in the table has no equal, or none that was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Equal:
    """A layer of tf_keras that computes what one of Keras 3 does.

    Attributes:
        takes: options that both have under one name.
        kind: its class in tf_keras; "" for that of Keras 3.
        renamed: options by their names in Keras 3, with those in tf_keras.
        fixed: options of Keras 3 with the only values that tf_keras can compute.
        idle: options of Keras 3 that change nothing when a model is used.
        adds: options of tf_keras that Keras 3 does not have.
        weights: their names in Keras 3, in the order in which tf_keras has them; a layer may lack some.
        inside: the part of the layer that holds its weights: "cell" of recurrent ones.
    """

    takes: str = ""
    kind: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    idle: str = ""
    adds: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    inside: str = ""


_CONV = "filters kernel_size strides padding dilation_rate activation use_bias"
_RECURRENT = (
    "return_sequences go_backwards unroll units activation use_bias dropout recurrent_dropout recurrent_activation "
    "unit_forget_bias reset_after"
)
_RECURRENT_WEIGHTS = "kernel recurrent_kernel bias"

_WHOLE = {"return_state": (False,), "stateful": (False,), "zero_output_for_mask": (False,)}


def _recurrent() -> Equal:
    idle = "use_cudnn"
    return Equal(_RECURRENT, fixed=_WHOLE, idle=idle, weights=_RECURRENT_WEIGHTS, inside="cell")


def _augmenting() -> Equal:
    """Give a layer that does nothing when the model is used; tf_keras has another one that does nothing."""
    return Equal(kind="RandomFlip", idle=ANY, adds={"mode": "horizontal"})


ANY = "*"
"""Stands for every option."""

LAYERS: Mapping[str, Equal] = {
    "Activation": Equal("activation"),
    "ActivityRegularization": Equal("l1 l2"),
    "Add": Equal(),
    "AlphaDropout": Equal("rate", idle="noise_shape"),
    "Average": Equal(),
    "AveragePooling1D": Equal("pool_size strides padding"),
    "AveragePooling2D": Equal("pool_size strides padding"),
    "BatchNormalization": Equal(
        "axis momentum epsilon center scale",
        fixed={"renorm": (False,)},
        idle="synchronized renorm_clipping renorm_momentum",
        weights="gamma beta moving_mean moving_variance",
    ),
    "CenterCrop": Equal("height width"),
    "Concatenate": Equal("axis"),
    "Conv1D": Equal(f"{_CONV} groups", weights="kernel bias"),
    "Conv1DTranspose": Equal(f"{_CONV} output_padding", weights="kernel bias"),
    "Conv2D": Equal(f"{_CONV} groups", weights="kernel bias"),
    "Conv2DTranspose": Equal(f"{_CONV} output_padding", weights="kernel bias"),
    "Cropping1D": Equal("cropping"),
    "Cropping2D": Equal("cropping"),
    "Dense": Equal("units activation use_bias", weights="kernel bias"),
    "DepthwiseConv1D": Equal(f"{_CONV} depth_multiplier", weights="kernel bias"),
    "DepthwiseConv2D": Equal(f"{_CONV} depth_multiplier", weights="kernel bias"),
    "Dot": Equal("axes normalize"),
    "Dropout": Equal("rate", idle="noise_shape"),
    "ELU": Equal("alpha"),
    "EinsumDense": Equal("equation output_shape activation bias_axes", weights="kernel bias"),
    "Embedding": Equal(
        "input_dim output_dim", fixed={"mask_zero": (False,)}, idle="input_length", weights="embeddings"
    ),
    "Flatten": Equal(),
    "GRU": _recurrent(),
    "GaussianDropout": Equal("rate"),
    "GaussianNoise": Equal("stddev"),
    "GlobalAveragePooling1D": Equal("keepdims"),
    "GlobalAveragePooling2D": Equal("keepdims"),
    "GlobalMaxPooling1D": Equal("keepdims"),
    "GlobalMaxPooling2D": Equal("keepdims"),
    "GroupNormalization": Equal("groups axis epsilon center scale", weights="gamma beta"),
    "Identity": Equal(),
    "LSTM": _recurrent(),
    "LayerNormalization": Equal(
        "axis epsilon center scale", fixed={"rms_scaling": (False,)}, weights="gamma beta"
    ),
    "LeakyReLU": Equal(renamed={"negative_slope": "alpha"}),
    "MaxPooling1D": Equal("pool_size strides padding"),
    "MaxPooling2D": Equal("pool_size strides padding"),
    "Maximum": Equal(),
    "Minimum": Equal(),
    "Multiply": Equal(),
    "Normalization": Equal("axis invert mean variance", weights="mean variance count"),
    "PReLU": Equal("shared_axes", weights="alpha"),
    "Permute": Equal("dims"),
    "RandomBrightness": Equal(idle=ANY, adds={"factor": 0.1}),
    "RandomContrast": Equal(idle=ANY, adds={"factor": 0.1}),
    "RandomFlip": Equal("mode", idle=ANY),
    "RandomRotation": Equal(idle=ANY, adds={"factor": 0.1}),
    "RandomTranslation": Equal(idle=ANY, adds={"height_factor": 0.1, "width_factor": 0.1}),
    "RandomZoom": Equal(idle=ANY, adds={"height_factor": 0.1}),
    **{
        f"Random{name}": _augmenting()
        for name in (
            *("ColorDegeneration", "ColorJitter", "ElasticTransform", "Erasing", "GaussianBlur"),
            *("Grayscale", "Hue", "Invert", "Perspective", "Posterization", "Saturation", "Sharpness"),
            "Shear",
        )
    },
    **{name: _augmenting() for name in ("AugMix", "CutMix", "MixUp", "RandAugment")},
    "ReLU": Equal("max_value negative_slope threshold"),
    "RepeatVector": Equal("n"),
    "Rescaling": Equal("scale offset"),
    "Reshape": Equal("target_shape"),
    "Resizing": Equal(
        "height width interpolation crop_to_aspect_ratio",
        fixed={"pad_to_aspect_ratio": (False,), "antialias": (False,)},
        idle="fill_mode fill_value",
    ),
    "SeparableConv1D": Equal(f"{_CONV} depth_multiplier", weights="depthwise_kernel pointwise_kernel bias"),
    "SeparableConv2D": Equal(f"{_CONV} depth_multiplier", weights="depthwise_kernel pointwise_kernel bias"),
    "SimpleRNN": _recurrent(),
    "Softmax": Equal("axis"),
    "SpatialDropout1D": Equal("rate"),
    "SpatialDropout2D": Equal("rate"),
    "Subtract": Equal(),
    "UnitNormalization": Equal("axis"),
    "UpSampling1D": Equal("size"),
    "UpSampling2D": Equal("size interpolation"),
    "ZeroPadding1D": Equal("padding"),
    "ZeroPadding2D": Equal("padding"),
}
"""Layers by their class in Keras 3."""

PICKY = ("LSTM", "GRU", "SimpleRNN")
"""Layers whose activations are part of a loop, and cannot become layers of their own."""

CODE: Mapping[str, str] = {
    "Lambda": "a Lambda, Python code in a file, which tflbuild does not execute",
    "TFSMLayer": "a TFSMLayer, which loads a SavedModel from another place",
    "TorchModuleWrapper": "a module of PyTorch",
    "JaxLayer": "a function of JAX",
    "FlaxLayer": "a module of Flax",
}
"""Layers that bring code of their own, and what is said of them."""
