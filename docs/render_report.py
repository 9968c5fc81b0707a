r"""Draw docs/report.png, the picture of README, from the page of a run: `python docs/render_report.py RUN`.

The picture is of the run that tutorial_detector.md makes, in 4 bits, so that the page has something to show:

    tflbuild recipe=ssd_mobilenet_int8 data=voc data.root=cells quantize.method=fixed quantize.weight_bits=4 \
        quantize.fallback=null quantize.budget=null budget=null
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SIZE = "1060,1290"


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
    return subprocess.run([browser, *flags, page.as_uri()], check=False, capture_output=True).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
