"""How far annotators differ about a point: COCO's figures, by which its similarity forgives distances.

References:
    COCO, Keypoint Evaluation, cocodataset.org/#keypoints-eval: the standard deviation of each kind of point, in units
        of the root of the object's area.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

COCO: Mapping[str, float] = {
    "nose": 0.026,
    "left_eye": 0.025,
    "right_eye": 0.025,
    "left_ear": 0.035,
    "right_ear": 0.035,
    "left_shoulder": 0.079,
    "right_shoulder": 0.079,
    "left_elbow": 0.072,
    "right_elbow": 0.072,
    "left_wrist": 0.062,
    "right_wrist": 0.062,
    "left_hip": 0.107,
    "right_hip": 0.107,
    "left_knee": 0.087,
    "right_knee": 0.087,
    "left_ankle": 0.089,
    "right_ankle": 0.089,
}

OTHER = 0.05
"""The sigma of points that COCO does not have, where nobody says another."""


def sigmas_of(names: Sequence[str], said: Sequence[float] | None) -> tuple[float, ...]:
    """Give the sigma of each point: as said, or COCO's where it knows all names, or the same for all.

    Raises:
        ValueError: there are more or less than points.
    """
    if said is not None:
        if len(said) != len(names):
            raise ValueError(f"{len(said)} sigmas for {len(names)} points")
        return tuple(said)
    known = [COCO.get(name.lower()) for name in names]
    return tuple(OTHER if None in known or one is None else one for one in known)
