from __future__ import annotations

from pathlib import Path

import pytest

from tflbuild.data.layouts.table_columns import columns_of
from tflbuild.data.layouts.tables import BEGINNING, read

TABLES = [
    ("a,b\nc,d\n", ",", [["a", "b"], ["c", "d"]]),
    ("a;b\nc;1,5\n", ";", [["a", "b"], ["c", "1,5"]]),
    ("a\tb c\nd\te\n", "\t", [["a", "b c"], ["d", "e"]]),
    ("a|b|c\n1|2|3", "|", [["a", "b", "c"], ["1", "2", "3"]]),
    ('a,"b\nc, d"\ne,f\n', ",", [["a", "b\nc, d"], ["e", "f"]]),
    ("a, b\r\n\r\nc , d\r\n", ",", [["a", "b"], ["c", "d"]]),
    ('a;"x,y"\nb;"1,2,3"\n', ";", [["a", "x,y"], ["b", "1,2,3"]]),
    ("one\ntwo\n", ",", [["one"], ["two"]]),
]


@pytest.mark.parametrize(("text", "delimiter", "rows"), TABLES)
def test_the_delimiter_is_what_parts_lines_alike(
    text: str, delimiter: str, rows: list[list[str]], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    found = read(tmp_path / "a.csv")
    assert (found.delimiter, [fields for _, fields in found.rows]) == (delimiter, rows)


def test_rows_have_the_numbers_of_their_lines(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('a,b\n\n"x\ny",c\nd,e\n')
    assert [line for line, _ in read(tmp_path / "a.csv").rows] == [1, 4, 5]


def test_the_first_rows_of_a_large_table_are_whole(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("file,label\n" + "photo.jpg,cat\n" * BEGINNING)
    assert [fields for _, fields in read(tmp_path / "a.csv", 3).rows] == [
        ["file", "label"],
        *[["photo.jpg", "cat"]] * 2,
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "it has no line"), (b"a\0b,c", "zero bytes"), (b'a,b\n"' + b"x" * (1 << 21), "field larger")],
)
def test_what_is_no_table_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "a.csv")


COLUMNS = [
    (
        "filename,width,height,class,xmin,ymin,xmax,ymax",
        "file 0 label 3 xmin 4 ymin 5 xmax 6 ymax 7 width 1 height 2",
    ),
    ("image_id,width,height,bbox,source", "file 0 bbox 3 width 1 height 2"),
    ("id,label", "file 0 label 1"),
    ("id,image_path,species", "file 1 label 2"),
    ("Image Name,X,Y,Width,Height,Label", "file 0 x 1 y 2 w 3 h 4 label 5"),
    (
        "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
        "label 0 x 1 y 2 w 3 h 4 file 5 width 6 height 7",
    ),
    ("a.jpg,cat", "file 0 label 1"),
    ("a.jpg,1,2,3,4,cat", "file 0 xmin 1 ymin 2 xmax 3 ymax 4 label 5"),
    ("TRAIN,gs://b/a.jpg,cat,0.1,0.2,,,0.3,0.4,,", "split 0 file 1 label 2 xmin 3 ymin 4 xmax 7 ymax 8"),
]


@pytest.mark.parametrize(("first", "at"), COLUMNS)
def test_columns_mean_what_their_names_say(first: str, at: str) -> None:
    words = at.split()
    expected = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    assert columns_of([first.split(",")]).at == expected
