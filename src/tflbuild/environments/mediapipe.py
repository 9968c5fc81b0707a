"""MediaPipe, whose Tasks delivered files are opened with."""

from __future__ import annotations

from typing import ClassVar

from tflbuild.core.environment import Environment, environment


@environment("mediapipe")
class MediaPipe(Environment):
    """Open delivered files with MediaPipe Tasks, to hold what they say of themselves to what Tasks make of it.

    No build asks for it: `benchmarks/mediapipe_tasks.py` and the tests of metadata do.
    """

    pythons: ClassVar[tuple[str, ...]] = ("3.11", "3.12", "3.13")
    main: ClassVar[str] = "mediapipe"
    imports: ClassVar[tuple[str, ...]] = ("mediapipe",)
    requirements: ClassVar[tuple[str, ...]] = (
        "absl-py==2.5.1",
        "certifi==2026.10.19.post1",
        "cffi==2.1.1",
        "contourpy==1.3.3",
        "cycler==0.12.1",
        "flatbuffers==25.12.19",
        "fonttools==4.68.0",
        "kiwisolver==1.5.1",
        "matplotlib==3.11.2",
        "mediapipe==1.2.3",
        "numpy==2.4.6",
        "opencv-contrib-python==5.1.0.95",
        "packaging==26.4",
        "pillow==13.0.0",
        "pycparser==3.12",
        "pyparsing==3.3.3",
        "python-dateutil==4.0.0",
        "sounddevice==0.5.6",
        "tzdata==2026.6",
    )
