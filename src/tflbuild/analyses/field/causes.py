"""The causes that changed numbers of pictures show: dark, bright, blurred, or another camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tflbuild.analyses.field.judging import LOOKS, Test
from tflbuild.analyses.field.observing import Observed
from tflbuild.core.cause import Cure
from tflbuild.metrics.statistics import two_samples as two

DARK, BRIGHT, BLURRED, CAMERA = "field.dark", "field.bright", "field.blurred", "field.camera"

STAGE = "field"

UNSCALED = 0.02
"""Brightest part of a picture, in 0..1, below which its values were divided by 255 once too often."""

UNSCALED_SIGN = "even the brightest parts are nearly black, as if values of 0..1 were stored as 0..255"

CLOSER = 0.5
"""Part of the distance that must be left when channels are swapped, for them to have been swapped."""

TEXTS = {
    DARK: "the field samples are darker than the training samples",
    BRIGHT: "the field samples are brighter than the training samples",
    BLURRED: "the field samples are less sharp than the training samples",
    CAMERA: "the field samples come from another camera or preprocessing than the training samples",
}

CURES = {
    DARK: Cure(
        text="train with darker copies (augment) or with labelled field samples, or raise the exposure",
        effort="training",
    ),
    BRIGHT: Cure(
        text="train with brighter copies (augment) or with labelled field samples, or lower the exposure",
        effort="training",
    ),
    BLURRED: Cure(
        text="focus or clean the lens, or train with blurred copies or labelled field samples",
        effort="device",
    ),
    CAMERA: Cure(
        text="make the device produce pictures as in training (white balance, channel order, scaling, "
        "shape, compression)",
        effort="device",
    ),
}


def signs_of(tests: Sequence[Test], train: Observed, field: Observed, least: float) -> dict[str, list[str]]:
    """Name what is seen of each cause; a cause without a sign is left out.

    Args:
        tests: all of them.
        train: training samples.
        field: those of the field.
        least: distance below which a change does not matter.
    """
    looks = {test.name: test for test in tests if test.kind == LOOKS}
    if "brightness" not in looks:  # no pictures, or several to a sample
        return {}
    changed = {name: test for name, test in looks.items() if test.beyond}
    dark, bright = (_exposed(looks, up=up, least=least) for up in (False, True))
    camera = _camera(changed, dark=bool(dark), bright=bool(bright))
    found = {
        DARK: dark,
        BRIGHT: bright,
        BLURRED: _blurred(looks, changed),
        CAMERA: [*_mistakes(looks, changed, train, field), *camera],
    }
    if UNSCALED_SIGN in found[CAMERA]:  # which darkens and flattens, too
        found = {CAMERA: [UNSCALED_SIGN]}
    return {cause: signs for cause, signs in found.items() if signs}


def _exposed(looks: Mapping[str, Test], *, up: bool, least: float) -> list[str]:
    """Ask that brightness or a channel moved beyond chance, and brightness by more than a trifle."""
    brightness = looks["brightness"]
    if brightness.up != up or brightness.distance < least:
        return []
    channels = any(looks[name].beyond and looks[name].up == up for name in ("red", "green", "blue"))
    colours = any(looks[name].beyond for name in ("warmth", "tint"))  # which move single channels
    if not (brightness.beyond or (channels and not colours)):
        return []
    return [_sign(brightness)]


def _told(changed: Mapping[str, Test], name: str, *, up: bool) -> list[str]:
    test = changed.get(name)
    if test is None or test.up != up:
        return []
    return [_sign(test)]


def _sign(test: Test) -> str:
    return f"{test.name.replace('_', ' ')} {test.field:.3g} against {test.train:.3g}"


def _blurred(looks: Mapping[str, Test], changed: Mapping[str, Test]) -> list[str]:
    """Ask that neither sharpness nor fine detail rose, and that one fell beyond chance."""
    if any(looks[name].up for name in ("sharpness", "fine_detail")):
        return []
    return [sign for name in ("sharpness", "fine_detail") for sign in _told(changed, name, up=False)]


def _camera(changed: Mapping[str, Test], *, dark: bool, bright: bool) -> list[str]:
    """Name colours, noise and blocks that changed otherwise than an exposure curve (gamma) changes them.

    A curve that darkens raises the ratios of channels, one that brightens lowers them and raises noise in the shadows.
    """
    signs = []
    for name, more, less in (("warmth", "warmer", "cooler"), ("tint", "greener", "more purple")):
        test = changed.get(name)
        if test is None:
            continue
        before, now = test.train or 0.0, test.field or 0.0
        stronger = before * now > 0 and abs(now) > abs(before)
        weaker = before * now > 0 and abs(now) < abs(before)
        if not (dark and stronger) and not (bright and weaker):
            signs.append(f"colours are {more if test.up else less}")
    if _told(changed, "noise", up=True) and not bright:
        signs.append("more noise")
    if _told(changed, "blocks", up=True):
        signs.append("stronger JPEG blocks")
    return signs


def _mistakes(
    looks: Mapping[str, Test], changed: Mapping[str, Test], train: Observed, field: Observed
) -> list[str]:
    """Name what a mistake in the preprocessing leaves: swapped channels, a wrong scale, bars, another shape."""
    signs = []
    brightest = looks["brightest"]
    if brightest.beyond and (brightest.field or 0.0) < UNSCALED < (brightest.train or 0.0):
        signs.append(UNSCALED_SIGN)
    if "warmth" in changed:
        swapped = two.distance(train.looks["warmth"], -field.looks["warmth"])
        if swapped <= CLOSER * changed["warmth"].distance:
            signs.append("red and blue seem to be swapped")
    if _told(changed, "bars", up=True):
        signs.append("uniform bars at the edges, as from a letterbox")
    if "aspect" in changed:
        signs.append("another aspect ratio, which the resize distorts differently")
    return signs


def caused(signs: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Give the findings that name causes."""
    return [
        {
            "cause": cause,
            "stage": STAGE,
            "text": f"{TEXTS[cause]}: {'; '.join(signs[cause])}",
            "signs": list(signs[cause]),
            "cures": [CURES[cause].to_json()],
        }
        for cause in TEXTS
        if cause in signs
    ]
