"""PyTorch and litert-torch, for programs of torch.export."""

from __future__ import annotations

from typing import ClassVar

from tflbuild.core.environment import Environment, environment


@environment("torch")
class Torch(Environment):
    """Take `.pt2` files in: PyTorch, and litert-torch, which writes a `.tflite`.

    Two gigabytes with PyTorch's wheels for the CPU alone; on Linux, pip's usual ones bring CUDA's libraries, too. Where
    wheels for the CPU lie in a folder, `PIP_FIND_LINKS=FOLDER tflbuild setup torch` takes them.
    """

    pythons: ClassVar[tuple[str, ...]] = ("3.11", "3.12", "3.13")
    main: ClassVar[str] = "litert-torch"
    imports: ClassVar[tuple[str, ...]] = ("torch", "litert_torch")
    requirements: ClassVar[tuple[str, ...]] = (
        "absl-py==2.5.1",
        "ai-edge-litert==2.3.0",
        "ai-edge-quantizer==0.10.0",
        "annotated-doc==0.0.7",
        "annotated-types==0.8.0",
        "anyio==4.14.2",
        "backports.strenum==1.2.8",
        "certifi==2026.10.19.post1",
        "charset-normalizer==3.5.3",
        "click==8.5.1",
        "filelock==4.3.1",
        "fire==0.7.1",
        "flatbuffers==25.12.19",
        "fsspec==2026.9.0",
        "h11==0.16.0",
        "hf-xet==1.8.0",
        "httpcore2==2.16.2",
        "httpx2==2.16.2",
        "huggingface_hub==2.4.0",
        "idna==3.20",
        "immutabledict==4.2.1",
        "jax==0.10.2",
        "jaxlib==0.10.2",
        "jaxtyping==0.3.11",
        "Jinja2==3.1.6",
        "kagglehub==1.0.3",
        "kagglesdk==0.1.38",
        "lark==1.3.1",
        "litert-converter==0.5.0",
        "litert-lm-builder==0.18.1",
        "litert-torch==0.10.0",
        "markdown-it-py==4.3.0",
        "MarkupSafe==3.0.4",
        "mdurl==0.1.2",
        "ml_dtypes==0.6.0",
        "mpmath==1.3.0",
        "multipledispatch==1.0.0",
        "networkx==3.6.1",
        "numpy==2.4.6",
        "opt_einsum==3.4.0",
        "ordered-set==4.1.0",
        "packaging==26.4",
        "pillow==13.0.0",
        "protobuf==7.36.2",
        "pydantic==2.11.10",
        "pydantic_core==2.33.2",
        "Pygments==2.21.0",
        "PyYAML==6.0.4",
        "regex==2026.11.19",
        "requests==2.34.2",
        "rich==15.0.0",
        "safetensors==0.8.0",
        "scipy==1.17.1",
        "sentencepiece==0.2.3",
        "setuptools==81.0.0",
        "shellingham==1.5.4",
        "sympy==1.14.0",
        "tabulate==0.10.0",
        "termcolor==3.3.0",
        "tokenizers==0.23.3",
        "tomli==2.5.0",
        "torch==2.13.0",
        "torchao==0.18.0",
        "tqdm==4.70.1",
        "transformers==5.24.0",
        "truststore==0.10.5",
        "typer==0.29.2",
        "typing-inspection==0.4.2",
        "typing_extensions==4.12.2",
        "urllib3==2.8.0",
        "wadler_lindig==0.1.8",
        "xdsl==0.28.0",
    )
