"""Print what MediaPipe Tasks says of pictures, as JSON; run by the Python that has `mediapipe`, not by ours.

    PYTHON benchmarks/mediapipe_answers.py classification|detection MODEL.tflite PICTURE...

One line a picture: a list of [label, score, box], the surest first; a box is left, top, width and height in pixels, and
null of a class. A file that Tasks does not open ends with its sentence and exit code 1.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> None:
    """Answer for the pictures that the command line names."""
    os.environ.setdefault("GLOG_minloglevel", "2")
    import mediapipe as mp

    kind, model, *pictures = sys.argv[1:]
    vision = mp.tasks.vision
    base = mp.tasks.BaseOptions(model_asset_path=model)
    try:
        opened = (
            vision.ImageClassifier.create_from_options(vision.ImageClassifierOptions(base_options=base))
            if kind == "classification"
            else vision.ObjectDetector.create_from_options(vision.ObjectDetectorOptions(base_options=base))
        )
    except (RuntimeError, ValueError) as error:
        sys.exit(f"refused: {error}")
    with opened as task:
        for picture in pictures:
            image = mp.Image.create_from_file(picture)
            found = classes(task.classify(image)) if kind == "classification" else objects(task.detect(image))
            print(json.dumps(sorted(found, key=lambda one: -one[1])), flush=True)


def classes(result: Any) -> list[list[Any]]:
    """Give every class of a classification."""
    return [[_label(one), one.score, None] for head in result.classifications for one in head.categories]


def objects(result: Any) -> list[list[Any]]:
    """Give every object of a detection."""
    return [[_label(one.categories[0]), one.categories[0].score, _box(one)] for one in result.detections]


def _label(category: Any) -> str:
    return category.category_name or f"class {category.index}"


def _box(one: Any) -> list[int]:
    box = one.bounding_box
    return [box.origin_x, box.origin_y, box.width, box.height]


if __name__ == "__main__":
    main()
