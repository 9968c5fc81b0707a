"""Print a file's TFLite metadata as MediaPipe's own classes read them, as JSON; run by the Python that has `mediapipe`.

PYTHON benchmarks/mediapipe_metadata.py MODEL.tflite
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Read the entry TFLITE_METADATA with the reference's schema, every field of every table."""
    from mediapipe.tasks.metadata import metadata_schema_py_generated as metadata
    from mediapipe.tasks.metadata import schema_py_generated as schema

    model = schema.Model.GetRootAs(Path(sys.argv[1]).read_bytes())
    for place in range(model.MetadataLength()):
        entry = model.Metadata(place)
        if entry.Name() == b"TFLITE_METADATA":
            stored = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
            root = metadata.ModelMetadataT.InitFromObj(metadata.ModelMetadata.GetRootAs(stored))
            print(json.dumps(plain(root)))


def plain(value: Any) -> Any:
    """Turn an object of the schema into JSON; absent fields are left out."""
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list):
        return [plain(one) for one in value]
    if hasattr(value, "__dict__"):
        return {name: plain(field) for name, field in vars(value).items() if field is not None}
    return value


if __name__ == "__main__":
    main()
