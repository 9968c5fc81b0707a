"""Names in a Keras model's configuration that stand for mathematics and nothing else: built-in layers, operations."""

from __future__ import annotations

import re


def _words(text: str) -> set[str]:
    return set(text.split())


def _ranks(*names: str) -> set[str]:
    return {f"{name}{rank}D" for name in names for rank in (1, 2, 3)}


GRAPHS = frozenset({"Functional", "Sequential", "Model"})
"""Classes of a model that is a graph of layers."""

OPERATION_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda"})
"""Layers that call the operation of TensorFlow which their `function` names."""

LAYERS = GRAPHS | frozenset(
    _ranks(
        "AveragePooling",
        "AvgPool",
        "MaxPooling",
        "MaxPool",
        "GlobalAveragePooling",
        "GlobalAvgPool",
        "GlobalMaxPooling",
        "GlobalMaxPool",
        "Conv",
        "Convolution",
        "ConvLSTM",
        "Cropping",
        "ZeroPadding",
        "UpSampling",
        "SpatialDropout",
    )
    | {f"{name}{rank}DTranspose" for name in ("Conv", "Convolution") for rank in (1, 2, 3)}
    | {
        f"{name}{rank}D"
        for name in ("DepthwiseConv", "SeparableConv", "SeparableConvolution", "LocallyConnected")
        for rank in (1, 2)
    }
    | _words(
        "Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average "
        "BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryEncoding "
        "CenterCrop Concatenate Dense Discretization Dot Dropout ELU EinsumDense Embedding Flatten "
        "GRU GRUCell GRUV1 GRUV2 GRUCellV1 GRUCellV2 GaussianDropout GaussianNoise GroupNormalization "
        "Identity InputLayer LSTM LSTMCell LSTMV1 LSTMV2 LSTMCellV1 LSTMCellV2 Layer "
        "LayerNormalization LeakyReLU Masking Maximum Minimum MultiHeadAttention Multiply "
        "Normalization PReLU Permute RNN RandomBrightness RandomContrast RandomCrop RandomFlip "
        "RandomHeight RandomRotation RandomTranslation RandomWidth RandomZoom ReLU RepeatVector "
        "Rescaling Reshape Resizing SimpleRNN SimpleRNNCell Softmax StackedRNNCells Subtract "
        "SyncBatchNormalization ThresholdedReLU TimeDistributed UnitNormalization"
    )
)
"""Layers that tf_keras has, without those that hold code (`Lambda`), a graph (`TensorFlowOpLayer`), an attribute by its
name (`InstanceMethod`, `ClassMethod`) or the path of a file (`StringLookup`, `TextVectorization`)."""

QUANTIZED = frozenset(
    _words(
        "QuantizeLayer QuantizeWrapper QuantizeWrapperV2 QuantizeAnnotate QuantizeAwareActivation "
        "NoOpActivation OutputOnlyConfig FixedQuantizeConfig NoOpQuantizeConfig "
        "Default8BitQuantizeConfig Default8BitQuantizeConfigRNN Default8BitActivationQuantizeConfig "
        "Default8BitConvQuantizeConfig Default8BitOutputQuantizeConfig "
        "Default8BitConvTransposeQuantizeConfig AllValuesQuantizer LastValueQuantizer "
        "MovingAverageQuantizer FixedQuantizer NoQuantizer"
    )
)
"""Classes that tfmot puts into a model for quantization-aware training."""

_INITIALIZERS = _words(
    "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones "
    "Orthogonal RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros"
)

PARTS = frozenset(
    _INITIALIZERS
    | {f"{name}V2" for name in _INITIALIZERS}
    | _words(
        "L1 L2 L1L2 OrthogonalRegularizer MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm Policy PolicyV1"
    )
)
"""Initializers, regularizers, constraints and number formats."""

MARKS = frozenset({"TensorShape", "__tuple__", "__ellipsis__", "__numpy__", "__tensor__", "__keras_tensor__"})
"""Marks by which a configuration writes values that JSON does not have."""

ACTIVATIONS = frozenset(
    _words(
        "linear softmax softmax_v2 elu selu softplus softsign swish relu gelu tanh sigmoid "
        "exponential hard_sigmoid mish leaky_relu log_softmax relu6 silu ReLU LeakyReLU PReLU ELU "
        "Softmax ThresholdedReLU"
    )
)
"""Activations by name."""

PART_NAMES = PARTS | frozenset(
    _words(
        "constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal "
        "lecun_uniform normal one ones orthogonal random_normal random_uniform truncated_normal "
        "uniform variance_scaling zero zeros l1 l2 l1_l2 orthogonal_regularizer max_norm maxnorm "
        "min_max_norm non_neg nonneg radial_constraint unit_norm unitnorm"
    )
)
"""Initializers, regularizers, constraints and number formats, as a plain string may name them."""

APPLICATIONS = frozenset({"CustomScaleLayer", "Custom>CustomScaleLayer"})
"""Layers that tf_keras registers for its own InceptionResNetV2."""

CLASSES = LAYERS | OPERATION_LAYERS | APPLICATIONS | QUANTIZED | PARTS | MARKS

MODULE = re.compile(
    r"(tf_)?keras((\.src)?\.(applications|layers|models|engine|initializers|regularizers|constraints|activations|"
    r"mixed_precision)(\.(?!\w*test)\w+)*)?|tensorflow\.python\.ops\.init_ops_v2|builtins|"
    r"tensorflow_model_optimization\.python\.core\.quantization\.keras(\.(?!\w*test)\w+)*"
)
"""Modules that a class of the above may be said to come from."""


def _of(module: str, names: str) -> set[str]:
    return {f"{module}.{name}" for name in names.split()}


OPERATIONS = frozenset(
    _words(
        "abs acos acosh add argmax argmin argsort asin asinh atan atan2 atanh batch_to_space "
        "boolean_mask broadcast_to cast clip_by_norm clip_by_value concat cos cosh cumsum divide "
        "edit_distance einsum ensure_shape equal exp expand_dims eye fill floor floor_div gather "
        "gather_nd greater greater_equal identity less less_equal linspace logical_and logical_not "
        "logical_or matmul maximum meshgrid minimum multiply negative norm not_equal one_hot ones "
        "ones_like pad pow range rank realdiv reduce_all reduce_any reduce_logsumexp reduce_max "
        "reduce_mean reduce_min reduce_prod reduce_sum repeat reshape reverse roll round scatter_nd "
        "searchsorted sequence_mask shape shape_n sigmoid sign sin sinh size slice sort "
        "space_to_batch space_to_batch_nd split sqrt square squeeze stack stop_gradient strided_slice "
        "subtract tan tanh tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min "
        "tensor_scatter_nd_sub tensor_scatter_nd_update tensordot tile transpose truediv unstack "
        "where zeros zeros_like batch_to_space_nd depth_to_space space_to_depth div floordiv floormod "
        "mod rsqrt log log1p expm1 unravel_index cumprod reverse_sequence"
    )
    | _of("__operators__", "add eq ne getitem")
    | _of(
        "math",
        "abs acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh ceil conj cos cosh "
        "count_nonzero cumprod cumsum cumulative_logsumexp digamma divide divide_no_nan equal erf "
        "erfc erfinv exp expm1 floor floordiv floormod greater greater_equal imag in_top_k "
        "invert_permutation is_finite is_inf is_nan l2_normalize less less_equal lgamma log log1p "
        "log_sigmoid log_softmax logical_and logical_not logical_or logical_xor maximum minimum "
        "mod multiply multiply_no_nan negative nextafter not_equal pow real reciprocal "
        "reciprocal_no_nan reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max "
        "reduce_mean reduce_min reduce_prod reduce_std reduce_sum reduce_variance rint round rsqrt "
        "scalar_mul segment_max segment_mean segment_min segment_prod segment_sum sigmoid sign sin "
        "sinh softmax softplus softsign sqrt square squared_difference subtract tan tanh top_k "
        "truediv unsorted_segment_max unsorted_segment_mean unsorted_segment_min unsorted_segment_sum "
        "xdivy xlog1py xlogy zero_fraction",
    )
    | _of(
        "nn",
        "atrous_conv2d avg_pool avg_pool1d avg_pool2d avg_pool3d batch_normalization bias_add conv1d "
        "conv1d_transpose conv2d conv2d_transpose conv3d conv3d_transpose conv_transpose convolution "
        "crelu depth_to_space depthwise_conv2d depthwise_conv2d_native elu embedding_lookup "
        "fused_batch_norm gelu l2_loss l2_normalize leaky_relu local_response_normalization "
        "log_softmax lrn max_pool max_pool1d max_pool2d max_pool3d moments normalize_moments pool "
        "relu relu6 selu separable_conv2d sigmoid silu softmax softplus softsign space_to_depth "
        "space_to_batch swish tanh top_k with_space_to_batch weighted_moments zero_fraction",
    )
    | _of(
        "image",
        "adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation central_crop "
        "combined_non_max_suppression convert_image_dtype crop_and_resize crop_to_bounding_box "
        "extract_patches flip_left_right flip_up_down grayscale_to_rgb hsv_to_rgb non_max_suppression "
        "non_max_suppression_padded pad_to_bounding_box per_image_standardization resize "
        "resize_bicubic resize_bilinear resize_nearest_neighbor resize_with_crop_or_pad "
        "resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yiq rgb_to_yuv rot90 total_variation "
        "transpose yiq_to_rgb yuv_to_rgb",
    )
    | _of(
        "linalg",
        "band_part diag diag_part einsum eye l2_normalize matmul matvec norm set_diag tensordot trace",
    )
    | _of("dtypes", "cast complex saturate_cast")
    | _of("bitwise", "bitwise_and bitwise_or bitwise_xor invert left_shift right_shift")
    | _of("signal", "frame overlap_and_add rfft irfft stft")
)
"""Operations of TensorFlow that compute on tensors: they read and write nothing, draw nothing and call nothing."""
