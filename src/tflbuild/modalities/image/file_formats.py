"""The formats of image files that are read, by content; what PIL could read besides is never tried."""

from __future__ import annotations

import warnings
from importlib import import_module

from PIL import Image, features

SAFE = {
    "JPEG": "Jpeg",
    "MPO": "Mpo",
    "PNG": "Png",
    "GIF": "Gif",
    "BMP": "Bmp",
    "DIB": "Bmp",
    "TIFF": "Tiff",
    "PPM": "Ppm",
}
"""Formats with PIL's plugins. Not among them: EPS, which starts Ghostscript, and what has no signature."""

OPTIONAL = {"WEBP": ("webp", "WebP"), "AVIF": ("avif", "Avif"), "JPEG2000": ("jpg_2000", "Jpeg2K")}
"""Further formats with PIL's plugins, and the feature for each that a build of PIL may lack."""


def _available() -> dict[str, str]:
    known = {*features.modules, *features.codecs}
    optional = {name: plugin for name, (feature, plugin) in OPTIONAL.items() if feature in known}
    return SAFE | {name: plugin for name, plugin in optional.items() if features.check(OPTIONAL[name][0])}


def _register() -> tuple[str, ...]:
    formats = _available()
    for plugin in formats.values():
        import_module(f"PIL.{plugin}ImagePlugin")
    # The limit is `data.max_pixels`, held before a pixel is decoded; PIL's own would warn below it or refuse above.
    Image.MAX_IMAGE_PIXELS = None
    # PIL warns of metadata that it cannot read; the pixels are either good or refused.
    warnings.filterwarnings("ignore", module=r"PIL\b")
    return tuple(name for name in formats if name in Image.OPEN)


FORMATS = _register()
"""Names of the formats, as PIL has them."""
