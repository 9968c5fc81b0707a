"""The list of contents, and regions that are told apart."""

from __future__ import annotations

from markupsafe import Markup, escape

from tflbuild.show.pages.contents import listed


def test_every_heading_has_a_name_and_a_link() -> None:
    body = Markup(
        '<h2>map, pass by pass</h2><p>x</p>\n<h2 class="told">size <span>of it</span></h2><h3>no</h3>'
    )
    made = listed(body)
    assert made.links == [("part-1", Markup("map, pass by pass")), ("part-2", Markup("size of it"))]
    assert '<h2 id="part-1">map, pass by pass</h2>' in made.body
    assert '<h2 id="part-2" class="told">size <span>of it</span></h2>' in made.body
    assert "<h3>no</h3>" in made.body


def test_text_of_files_stays_text() -> None:
    hostile = escape('<h2>x</h2> role="region" aria-label="y"')
    made = listed(Markup("<h2>{}</h2>").format(hostile))
    assert [text for _, text in made.links] == [hostile]
    assert made.body == f'<h2 id="part-1">{hostile}</h2>'


def test_regions_of_one_name_are_numbered() -> None:
    region = '<div role="region" aria-label="figures"></div>'
    made = listed(Markup(region * 2 + region.replace("figures", "others") + region)).body
    names = ("figures", "figures (2)", "others", "figures (3)")
    assert made == "".join(f'<div role="region" aria-label="{name}"></div>' for name in names)
