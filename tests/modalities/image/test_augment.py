from __future__ import annotations

from tflbuild.modalities.image.augment import Augment, Colour, Crop, ZoomOut


def test_a_mapping_makes_tuples_of_lists_and_groups_of_mappings() -> None:
    crop = {"min_overlap": [0.1, 0.2], "probability": 0.25}
    made = Augment.of({"crop": crop, "zoom_out": {"max_scale": 3.0}, "enabled": False})
    assert made.crop == Crop(min_overlap=(0.1, 0.2), probability=0.25)
    assert made.zoom_out == ZoomOut(max_scale=3.0)
    assert not made.enabled
    group = ZoomOut(probability=0.9)
    assert Augment.of({"zoom_out": group}).zoom_out is group


def test_options_come_from_a_nested_mapping() -> None:
    options = Augment.of(
        {"flip": True, "crop": {"min_area": 0.6}, "colour": {"hue": 0.0}, "flip_except": ["a"]}
    )
    assert options == Augment(flip=True, crop=Crop(min_area=0.6), colour=Colour(hue=0.0), flip_except=("a",))
