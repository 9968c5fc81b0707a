"""Python that runs a delivered file with LiteRT, NumPy and PIL alone."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from tflbuild.show.pages.snippets.delivered import LISTED, File, Tensor


def code(file: File) -> str:
    """Write the whole of it: read, prepare, run, decode."""
    pictured = any(tensor.pictured and _by_pil(tensor) for tensor in file.inputs)
    lines = [
        f"# pip install ai-edge-litert numpy{' pillow' if pictured else ''}",
        "import numpy as np",
        "from ai_edge_litert.interpreter import Interpreter",
        *(["from PIL import Image, ImageOps"] if pictured else []),
        "",
        f"interpreter = Interpreter({file.name!r}, num_threads=1)",
        *_opened(file),
    ]
    for tensor in file.inputs:
        lines += ["", f"# input {tensor.name!r}: {tensor.text}", *_prepared(tensor)]
    lines += ["", *_run(file)]
    for tensor in file.outputs:
        lines += [f"{tensor.variable} = {_read(tensor)}  # {tensor.text}"]
    lines += ["", *_decoded(file)]
    return "\n".join(lines).rstrip() + "\n"


def _opened(file: File) -> list[str]:
    if file.signature:
        return [f"run = interpreter.get_signature_runner({file.signature!r})"]
    return ["interpreter.allocate_tensors()"]


def _by_pil(tensor: Tensor) -> bool:
    """Say whether PIL resizes as the model's pictures were: it always averages, but for nearest."""
    return bool(tensor.modality.antialias or tensor.modality.resize == "nearest")


def _prepared(tensor: Tensor) -> Iterator[str]:
    if tensor.pictured and not _by_pil(tensor):
        yield f"# PIL cannot resize so ({tensor.modality.resize} without antialiasing); this writes a picture's tensor:"
        yield "# tflbuild preprocess RUN photo.jpg --out tensor.npy"
        yield f"{tensor.variable} = np.load('tensor.npy').reshape({tensor.shape})"
        return
    if tensor.pictured:
        yield from _pixels(tensor)
    else:
        yield f"values = np.zeros({tensor.shape}, np.float32)  # your values"
        yield f"{tensor.variable} = {_quantized('values', tensor)}"
        return
    if tensor.takes_codes:
        signed = "(pixels.astype(np.int16) - 128).astype(np.int8)"
        yield f"{tensor.variable} = {'pixels' if tensor.spec.dtype == 'uint8' else signed}  # pixels as they are"
        return
    scales, offsets = tensor.modality.affine
    if tensor.modality.per_channel:
        yield f"scale, offset = np.array({_numbers(scales)}, np.float32), np.array({_numbers(offsets)}, np.float32)"
        yield "values = pixels.astype(np.float32) * scale + offset"
    else:
        yield f"values = pixels.astype(np.float32) * {scales[0]!r} + {offsets[0]!r}"
    yield f"{tensor.variable} = {_quantized('values', tensor)}"


def _numbers(values: tuple[float, ...]) -> str:
    return f"[{', '.join(repr(float(value)) for value in values)}]"


def _pixels(tensor: Tensor) -> Iterator[str]:
    _, height, width, channels = tensor.shape
    given = tensor.modality
    yield "picture = ImageOps.exif_transpose(Image.open('photo.jpg')).convert('RGB')"
    kernel = f"Image.Resampling.{given.resize.upper()}"
    if given.aspect == "center_crop":
        yield from _cropped(height, width, given.crop)
    if given.aspect.startswith("letterbox"):
        yield from _letterboxed(height, width, given, kernel)
    else:
        yield f"picture = picture.resize(({width}, {height}), {kernel})"
    if given.channels == "grey":
        yield "pixels = np.asarray(picture.convert('L'))[None, ..., None]"
    else:
        order = "[..., ::-1]" if given.channels == "bgr" else ""
        yield f"pixels = np.asarray(picture)[None]{order}  # {given.channels.upper()}, {channels} channels"


def _cropped(height: int, width: int, share: float) -> Iterator[str]:
    yield "w, h = picture.size"
    yield f"if h * {width} >= {height} * w:"
    yield f"    down, across = w * {height} / {width}, float(w)"
    yield "else:"
    yield f"    down, across = float(h), h * {width} / {height}"
    yield f"rows, columns = (min(most, max(1, int(side * {share!r} + 0.5))) for side, most in ((down, h), (across, w)))"
    yield "left, top = (w - columns) // 2, (h - rows) // 2"
    yield "picture = picture.crop((left, top, left + columns, top + rows))"


def _letterboxed(height: int, width: int, given: object, kernel: str) -> Iterator[str]:
    fill = given.fill  # type: ignore[attr-defined]
    colour = (fill,) * 3 if isinstance(fill, int) else tuple(round(part) for part in fill)
    yield "w, h = picture.size"
    yield f"if h * {width} >= {height} * w:"
    yield f"    across, down = max(1, (2 * w * {height} + h) // (2 * h)), {height}"
    yield "else:"
    yield f"    across, down = {width}, max(1, (2 * h * {width} + w) // (2 * w))"
    yield f"canvas = Image.new('RGB', ({width}, {height}), {colour})"
    corner = given.aspect == "letterbox_corner"  # type: ignore[attr-defined]
    place = "(0, 0)" if corner else f"(({width} - across) // 2, ({height} - down) // 2)"
    yield f"canvas.paste(picture.resize((across, down), {kernel}), {place})"
    yield "picture = canvas"


def _quantized(values: str, tensor: Tensor) -> str:
    spec = tensor.spec
    if not tensor.integer:
        return f"{values}.astype(np.{spec.dtype})"
    levels = f"np.rint({values} / np.float32({spec.scale!r})) + {spec.zero_point}"
    return f"({levels}).clip({tensor.lowest}, {tensor.highest}).astype(np.{spec.dtype})"


def _run(file: File) -> Iterator[str]:
    if file.signature:
        if all(tensor.name.isidentifier() and not keyword.iskeyword(tensor.name) for tensor in file.inputs):
            yield f"outputs = run({', '.join(f'{tensor.name}={tensor.variable}' for tensor in file.inputs)})"
            return
        given = ", ".join(f"{tensor.name!r}: {tensor.variable}" for tensor in file.inputs)
        yield f"outputs = run(**{{{given}}})"
        return
    values = ", ".join(tensor.variable for tensor in file.inputs)
    yield f"for details, value in zip(interpreter.get_input_details(), [{values}]):"
    yield "    interpreter.set_tensor(details['index'], value)"
    yield "interpreter.invoke()"
    yield "outputs = [interpreter.get_tensor(details['index']) for details in interpreter.get_output_details()]"
    names = ", ".join(repr(tensor.name) for tensor in file.outputs)
    yield f"outputs = dict(zip([{names}], outputs))"


def _read(tensor: Tensor) -> str:
    raw, spec = f"outputs[{tensor.name!r}]", tensor.spec
    if not tensor.integer:
        return raw
    return f"({raw}.astype(np.float32) - {spec.zero_point}) * np.float32({spec.scale!r})"


def _decoded(file: File) -> Iterator[str]:
    """Name the classes of what was found, for a task whose outputs have roles that are known here."""
    by_role = {tensor.role: tensor for tensor in file.outputs}
    if {"detection_boxes", "detection_classes", "detection_scores"} <= by_role.keys():
        yield from _labels(file)
        boxes, classes, scores = (
            by_role[f"detection_{what}"].variable for what in ("boxes", "classes", "scores")
        )
        count = by_role.get("num_detections")
        last = f"[: int({count.variable}.ravel()[0])]" if count else ""
        yield f"for box, label, score in zip({boxes}[0]{last}, {classes}[0], {scores}[0]):"
        yield "    name = labels[int(label)] if labels else int(label)"
        yield "    print(name, float(score), box)  # top, left, bottom, right in 0..1"
    elif "scores" in by_role and len(file.outputs) == 1:
        yield from _labels(file)
        variable = by_role["scores"].variable
        yield f"for place in np.argsort(-{variable}.ravel(), kind='stable')[:5]:"
        yield f"    print(labels[place] if labels else place, float({variable}.ravel()[place]))"


def _labels(file: File) -> Iterator[str]:
    if len(file.labels) > LISTED and file.packed_labels:
        yield "import zipfile"
        yield ""
        yield f"labels = zipfile.ZipFile({file.name!r}).read('labels.txt').decode().splitlines()"
    else:
        yield f"labels = {list(file.labels)!r}"
