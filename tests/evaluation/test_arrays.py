"""Arrays as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflbuild.evaluation import arrays


def test_files_are_joined_in_order_with_the_names_of_one(tmp_path: Path) -> None:
    first = {"scores": np.array([0.1, 0.2]), "offsets": np.array([0, 2, 2]), "missing": np.array(["x"])}
    second = {"scores": np.array([0.3, 0.4]), "offsets": np.array([0, 1, 2]), "missing": np.array(["x"])}
    for name, content in (("one", first), ("two", second)):
        arrays.store(
            {**content, "names": np.array(["a", "b"]), "of_split_sizes": np.arange(3)}, tmp_path / name
        )
    arrays.merge([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
    both = arrays.load(tmp_path / "both")
    assert both["scores"].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert both["offsets"].tolist() == [0, 2, 2, 3, 4]
    assert (both["missing"].tolist(), both["names"].tolist()) == (["x"], ["a", "b"])
    assert both["of_split_sizes"].tolist() == [0, 1, 2]


def test_bytes_of_a_file_do_not_depend_on_the_order_of_its_arrays(tmp_path: Path) -> None:
    content = {"scores": np.zeros(2), "boxes": np.zeros(3)}
    arrays.store(content, tmp_path / "one")
    arrays.store(dict(reversed(content.items())), tmp_path / "two.other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two.other").read_bytes()


def test_files_that_hold_more_than_numbers_and_text_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        arrays.store({"x": np.array([{}])}, tmp_path / "x")
    np.savez(tmp_path / "y.npz", x=np.array([{}]))
    with pytest.raises(ValueError, match="Object arrays"):
        arrays.load(tmp_path / "y.npz")
