"""Names of the groups that Keras keeps a layer's weights in."""

from __future__ import annotations

import re


def group_name(kind: str) -> str:
    """Write a class as Keras 3 names its group.

    >>> group_name("Conv2D"), group_name("BatchNormalization"), group_name("LeakyReLU"), group_name("PReLU")
    ('conv2d', 'batch_normalization', 'leaky_re_lu', 'p_re_lu')
    """
    kind = re.sub(r"\W+", "", kind)
    kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
