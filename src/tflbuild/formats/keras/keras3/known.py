"""Names of Keras 3 that compute and nothing else, besides those that are translated: it loads a file of these itself.

Read off the sources of Keras 3.15. Not among them: what holds code (`Lambda`), another model (`TFSMLayer`), a function
(`Map`, `Cond`, `WhileLoop`), or the path of a file (`StringLookup`, `IntegerLookup`, `TextVectorization`).
"""

from __future__ import annotations


def _words(text: str) -> set[str]:
    return set(text.split())


LAYERS = frozenset(
    {
        f"{name}{rank}D"
        for name in ("AdaptiveAveragePooling", "AdaptiveMaxPooling", "ConvLSTM")
        for rank in (1, 2, 3)
    }
    | {
        f"{name}3D"
        for name in (
            *("AveragePooling", "MaxPooling", "GlobalAveragePooling", "GlobalMaxPooling", "Conv"),
            *("Cropping", "ZeroPadding", "UpSampling", "SpatialDropout"),
        )
    }
    | _words(
        "AdditiveAttention Attention AutoContrast Bidirectional CategoryEncoding Conv3DTranspose "
        "ContrastLimitedAdaptiveHistogramEqualization Discretization Equalization GRUCell GroupQueryAttention "
        "GroupedQueryAttention LSTMCell Masking MaxNumBoundingBoxes MelSpectrogram MultiHeadAttention Pipeline "
        "RMSNormalization RNN RandomCrop ReversibleEmbedding STFTSpectrogram SimpleRNNCell Solarization "
        "SpectralNormalization StackedRNNCells TimeDistributed"
    )
)
"""Layers of `keras.layers`."""

APPLICATIONS = frozenset({("keras.src.applications.convnext", "LayerScale")})
"""Modules and classes of layers that a network of `keras.applications` brings."""

OPERATIONS = frozenset(
    _words(
        "Abs Absolute AdaptiveAveragePool AdaptiveMaxPool Add AffineTransform All AllClose Amax Amin Angle "
        "Any Append Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argpartition "
        "Argsort Array ArraySplit Average AveragePool BatchNorm BinaryCrossentropy Bincount BitwiseAnd "
        "BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo CDist "
        "CTCDecode CTCLoss Cast CategoricalCrossentropy Cbrt Ceil Celu Cholesky CholeskyInverse Clip "
        "Concatenate Conj Conjugate Conv ConvTranspose ConvertToTensor Copy Corrcoef Correlate Cos Cosh "
        "CountNonzero CropImages Cross Cumprod Cumsum Deg2rad DepthToSpace DepthwiseConv Det Diag Diagflat "
        "Diagonal Diff Digitize Divide DivideNoNan Dot DotProductAttention Dsplit Dstack Eig Eigh Einsum "
        "ElasticTransform Elu EmptyLike Equal Erf Erfc Erfinv Exp Exp2 ExpandDims Expm1 ExtractPatches "
        "ExtractSequences FFT FFT2 Fabs Flip Fliplr Flipud Floor FloorDivide Fmax Fmin Fmod Fold Full "
        "FullLike GaussianBlur Gcd Gelu Geomspace GetItem Glu Greater GreaterEqual HSVToRGB HardShrink "
        "HardSigmoid HardSilu HardTanh Heaviside Histogram Hsplit Hstack Hypot I0 IFFT2 IRFFT ISTFT Imag "
        "InTopK Inner Inv IsIn Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron LayerNorm Lcm Ldexp "
        "LeakyRelu LeftShift Less LessEqual Linspace Log Log10 Log1p Log2 LogSigmoid LogSoftmax Logaddexp "
        "Logaddexp2 Logdet LogicalAnd LogicalNot LogicalOr LogicalXor Logspace Logsumexp Lstsq LuFactor "
        "MapCoordinates Matmul MatrixRank Max MaxPool Maximum Mean Median Meshgrid Min Minimum Mod Moments "
        "Moveaxis MultiHot Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean "
        "Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative Nextafter "
        "Nonzero Norm Normalize NotEqual OneHot OnesLike Outer PSNR Pad PadImages Percentile "
        "PerspectiveTransform Pinv Polar Power Prod Ptp Qr Quantile RFFT RGBToGrayscale RGBToHSV RMSNorm "
        "Rad2deg Ravel Real Reciprocal Relu Relu6 Repeat Reshape Resize RightShift Roll Rot90 Round Rsqrt "
        "SSIM STFT SVD SaturateCast ScaleAndTranslate Scatter ScatterUpdate SearchSorted SegmentMax "
        "SegmentMin SegmentProd SegmentReduction SegmentSum Select Selu SeparableConv Sigmoid Sign Signbit "
        "Silu Sin Sinc Sinh Size Slice SliceUpdate Slogdet SobelEdges SoftShrink Softmax Softplus Softsign "
        "Solve SolveTriangular Sort SpaceToDepth SparseCategoricalCrossentropy SparsePlus SparseSigmoid "
        "Sparsemax Split Sqrt Square Squareplus Squeeze Stack Std StopGradient Subtract Sum Swapaxes Take "
        "TakeAlongAxis Tan Tanh TanhShrink Tensordot Threshold Tile TopK Trace Transpose Trapezoid Tril Triu "
        "TrueDivide Trunc Unfold Unique UnravelIndex Unstack Vander Var Vdot View ViewAsComplex ViewAsReal "
        "Vsplit Vstack Where ZerosLike"
    )
)
"""Operations, of the modules of `keras.ops` that work on tensors."""
