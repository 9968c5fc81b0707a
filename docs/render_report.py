"""Draw docs/report.png, the picture of README, from the page of a run: `python docs/render_report.py RUN`.

The picture is of the run that docs/tutorial_detector.md makes, before it is diagnosed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image

SIZE = "1060,1316"
"""Width and height in pixels: the figures, the chart and the first row of photos."""


def main(run: str) -> int:
    """Draw the picture with Chromium; gives the exit code."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("render_report: there is no Chromium on this machine")
    page, picture = Path(run, "report.html").resolve(), Path(__file__).with_name("report.png")
    flags = [
        "--headless",
        "--no-sandbox",
        "--hide-scrollbars",
        f"--window-size={SIZE}",
        f"--screenshot={picture}",
    ]
    subprocess.run([browser, *flags, page.as_uri()], check=True, capture_output=True)
    with Image.open(picture) as drawn:
        drawn.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT).save(picture, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
