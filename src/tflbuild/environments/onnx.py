"""The packages that convert and execute ONNX files."""

from __future__ import annotations

from typing import ClassVar

from tflbuild.core.environment import Environment, environment


@environment("onnx")
class Onnx(Environment):
    """Take ONNX files in: onnx2tf, which writes a `.tflite`, and onnxruntime, which it is held to.

    onnx2tf wants Python 3.12 or newer and other versions of most packages than TensorFlow; it needs no TensorFlow.
    """

    pythons: ClassVar[tuple[str, ...]] = ("3.13", "3.12")
    main: ClassVar[str] = "onnx2tf"
    imports: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "onnxsim", "onnx2tf")
    requirements: ClassVar[tuple[str, ...]] = (
        "ai-edge-litert==2.1.2",
        "backports.strenum==1.2.8",
        "flatbuffers==25.12.19",
        "h5py==3.14.0",
        "iniconfig==2.3.1",
        "markdown-it-py==4.3.0",
        "mdurl==0.1.2",
        "ml_dtypes==0.5.4",
        "mpmath==1.3.0",
        "numpy==2.2.6",
        "onnx==1.20.1",
        "onnx-ir==1.1.0",
        "onnx2tf==2.6.9",
        "onnxoptimizer==0.4.2",
        "onnxruntime==1.26.0",
        "onnxscript==0.6.2",
        "onnxsim==0.6.5",
        "opencv-python==4.13.0.92",
        "packaging==26.4",
        "pluggy==1.7.0",
        "protobuf==7.35.1",
        "psutil==5.9.5",
        "Pygments==2.21.0",
        "pytest==9.0.2",
        "rich==15.0.0",
        "setuptools==81.0.0",
        "sne4onnx==2.0.1",
        "sng4onnx==2.0.1",
        "sympy==1.14.0",
        "tqdm==4.67.1",
        "typing_extensions==4.16.0",
    )
