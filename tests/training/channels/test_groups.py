"""Which channels go together, on graphs small enough to say so by hand."""

from __future__ import annotations

import numpy as np
import pytest

from channel_graphs import Drawing
from tflbuild.training.channels.cost import Cost
from tflbuild.training.channels.facts import Graph
from tflbuild.training.channels.groups import Dependencies, dependencies

END = "it reaches an output of the model"


def summary(found: Dependencies) -> dict[str, tuple[tuple[str, ...], int, str]]:
    """Give makers, number of channels and reason of every group."""
    return {group.name: (group.makers, len(group.channels), group.held) for group in found.groups}


def chain() -> tuple[Graph, Drawing]:
    net = Drawing()
    first = net.relu("relu", net.norm("norm", net.conv("first", net.image, 8, taps=9)))
    second = net.depthwise("depthwise", first)
    third = net.conv("second", second, 16)
    return net.graph(net.conv("logits", net.pool("pool", third), 5)), net


def test_a_chain_has_a_group_for_each_convolution() -> None:
    found = dependencies(chain()[0])
    assert summary(found) == {
        "first": (("first",), 8, ""),
        "second": (("second",), 16, ""),
        "logits": (("logits",), 5, END),
    }
    assert found.axes["depthwise"]["in"] is not None
    assert (found.axes["depthwise"]["out"] == found.axes["first"]["out"]).all()
    assert (found.axes["second"]["in"] == found.axes["first"]["out"]).all()


def test_a_sum_ties_all_blocks_of_a_residual_branch() -> None:
    net = Drawing()
    trunk = net.conv("stem", net.image, 8)
    for block in ("a", "b"):
        trunk = net.join(
            f"add_{block}", trunk, net.conv(f"{block}_out", net.conv(f"{block}_in", trunk, 16), 8)
        )
    found = dependencies(net.graph(net.conv("logits", trunk, 5)))
    assert summary(found) == {
        "stem": (("stem", "a_out", "b_out"), 8, ""),
        "a_in": (("a_in",), 16, ""),
        "b_in": (("b_in",), 16, ""),
        "logits": (("logits",), 5, END),
    }
    assert (found.axes["logits"]["in"] == found.axes["stem"]["out"]).all()


def test_a_concatenation_keeps_lists_apart_and_in_order() -> None:
    net = Drawing()
    one, other = net.conv("one", net.image, 3), net.conv("other", net.image, 4)
    found = dependencies(net.graph(net.conv("logits", net.concatenate("both", one, other), 5)))
    assert summary(found)["one"] == (("one",), 3, "")
    assert summary(found)["other"] == (("other",), 4, "")
    joined = [*found.axes["one"]["out"], *found.axes["other"]["out"]]
    assert found.axes["logits"]["in"].tolist() == joined


def test_a_sum_with_a_concatenation_parts_the_channels_of_the_other_side() -> None:
    net = Drawing()
    one, other = net.conv("one", net.image, 3), net.conv("other", net.image, 4)
    whole = net.conv("whole", net.image, 7)
    total = net.join("add", net.concatenate("both", one, other), whole)
    found = dependencies(net.graph(net.conv("logits", total, 5)))
    assert summary(found)["one"] == (("one", "whole"), 3, "")
    assert summary(found)["other"] == (("other", "whole"), 4, "")
    assert found.axes["whole"]["out"][:3].tolist() == found.axes["one"]["out"].tolist()


def test_boxes_behind_each_other_share_their_channels() -> None:
    net = Drawing()
    one, other = net.conv("one", net.image, 4), net.conv("other", net.image, 4)
    joined = net.concatenate("rows", one, other, axis=1)
    found = dependencies(net.graph(net.conv("logits", joined, 5)))
    assert summary(found)["one"] == (("one", "other"), 4, "")


def test_a_squeeze_and_excite_loses_the_channels_that_it_weighs() -> None:
    net = Drawing()
    wide = net.conv("wide", net.image, 8)
    few = net.conv("reduce", net.reshape("square", net.pool("pool", wide), (1, 1, 8)), 2)
    weighed = net.join("weigh", wide, net.conv("restore", few, 8))
    found = dependencies(net.graph(net.conv("logits", weighed, 5)))
    assert summary(found)["wide"] == (("wide", "restore"), 8, "")
    assert summary(found)["reduce"] == (("reduce",), 2, "")
    assert found.reshaped["square"].tolist() == found.axes["wide"]["out"].tolist()


def test_one_number_that_weighs_all_channels_stays() -> None:
    net = Drawing()
    wide, single = net.conv("wide", net.image, 8), net.conv("attention", net.image, 1)
    found = dependencies(net.graph(net.conv("logits", net.join("weigh", wide, single), 5)))
    assert summary(found)["wide"] == (("wide",), 8, "")
    assert summary(found)["attention"][2] == "'weigh' joins it to every channel of another tensor"


def test_a_channel_is_a_stripe_of_what_is_flattened() -> None:
    net = Drawing((2, 2, 3))
    flat = net.reshape("flat", net.conv("conv", net.image, 3), (12,))
    found = dependencies(net.graph(net.conv("logits", flat, 5)))
    assert summary(found)["conv"] == (("conv",), 3, "")
    assert found.axes["logits"]["in"].tolist() == found.axes["conv"]["out"].tolist() * 4


def test_places_in_a_row_keep_their_channels() -> None:
    net = Drawing((2, 2, 3))
    rows = net.reshape("rows", net.conv("conv", net.image, 6), (4, 6))
    assert summary(dependencies(net.graph(net.conv("logits", rows, 5))))["conv"] == (("conv",), 6, "")


@pytest.mark.parametrize(("shape", "sides"), [((8, 3), (2, 2)), ((None, 6), (None, 2))])
def test_a_reshape_that_cannot_be_read_keeps_its_group_whole(
    shape: tuple[int | None, ...], sides: tuple[int | None, ...]
) -> None:
    net = Drawing((*sides, 3))
    rows = net.reshape("rows", net.conv("conv", net.image, 6), (shape[0], 3))
    assert "'rows'" in summary(dependencies(net.graph(net.conv("logits", rows, 5))))["conv"][2]


def test_a_depthwise_multiplier_repeats_each_channel() -> None:
    net = Drawing()
    found = dependencies(
        net.graph(net.conv("logits", net.depthwise("deep", net.conv("conv", net.image, 3), 2), 5))
    )
    a, b, c = found.axes["conv"]["out"].tolist()
    assert found.axes["logits"]["in"].tolist() == [a, a, b, b, c, c]


def test_a_layer_that_is_called_twice_reads_the_same_channels_at_both() -> None:
    net = Drawing()
    one, other = net.conv("one", net.image, 4), net.conv("other", net.image, 4)
    calls = (net.conv("shared", one, 6), net.again("shared", other))
    found = dependencies(net.graph(*(net.conv(f"end_{place}", call, 2) for place, call in enumerate(calls))))
    assert summary(found)["one"] == (("one", "other"), 4, "")
    assert summary(found)["shared"] == (("shared",), 6, "")
    assert (found.axes["end_0"]["in"] == found.axes["end_1"]["in"]).all()


def test_what_nobody_knows_keeps_what_it_reads_and_gives() -> None:
    net = Drawing()
    odd = net.unknown("odd", net.conv("before", net.image, 4))
    found = dependencies(
        net.graph(net.conv("logits", net.join("add", odd, net.conv("beside", net.image, 4)), 5))
    )
    assert summary(found)["before"] == (("before",), 4, "Odd 'odd' is odd")
    assert summary(found)["beside"][2] == "Odd 'odd' is odd"


def test_an_output_in_another_form_keeps_its_channels() -> None:
    net = Drawing((2, 2, 3))
    shared = net.conv("trunk", net.image, 6)
    rows = net.reshape("rows", net.conv("boxes", shared, 8), (8, 4))
    assert summary(dependencies(net.graph(rows, net.relu("scores", net.conv("classes", shared, 6))))) == {
        "trunk": (("trunk",), 6, ""),
        "boxes": (("boxes",), 8, END),
        "classes": (("classes",), 6, END),
    }


def test_the_input_ties_what_is_added_to_it() -> None:
    net = Drawing()
    found = dependencies(
        net.graph(net.conv("logits", net.join("add", net.image, net.conv("conv", net.image, 3)), 5))
    )
    assert summary(found)["conv"][2] == "the input 'image' has it"


def test_an_excluded_layer_keeps_all_that_it_is_tied_to() -> None:
    net = Drawing()
    one, other = net.conv("one", net.image, 4), net.conv("other", net.image, 4)
    graph = net.graph(net.conv("logits", net.join("add", one, other), 5))
    assert summary(dependencies(graph, ["other"]))["one"] == (("one", "other"), 4, "it is excluded")


def test_a_softmax_keeps_what_it_computes_with() -> None:
    net = Drawing()
    weights = net.conv("weights", net.image, 4, own_reason="a softmax reads it")
    found = dependencies(net.graph(net.conv("logits", weights, 5)))
    assert summary(found)["weights"] == (("weights",), 4, "a softmax reads it")


def test_multiply_accumulates_are_those_by_hand() -> None:
    graph, _ = chain()
    found = dependencies(graph)
    cost = Cost.of(graph, found)
    # 64 places: 9 * 3 * 8 of the first, 9 * 8 of the depthwise, 8 * 16 of the second; 16 * 5 at the end
    assert cost.macs(np.array([8, 16, 5])) == 64 * (216 + 72 + 128) + 80
    assert cost.macs(np.array([4, 8, 5])) == 64 * (108 + 36 + 32) + 40
    saved = cost.saved(np.array([8, 16, 5]), np.array([4, 8, 0]))
    assert saved.tolist() == [64 * (108 + 36 + 64), 64 * 64 + 40, 0]


def test_multiply_accumulates_of_stripes_and_of_shared_layers_count_each_call() -> None:
    net = Drawing((2, 2, 3))
    first = net.conv("first", net.image, 4)
    second = net.again("first", net.image)
    flat = net.reshape("flat", net.join("add", first, second), (16,))
    graph = net.graph(net.conv("logits", flat, 5))
    cost = Cost.of(graph, dependencies(graph))
    assert cost.macs(np.array([4, 5])) == 2 * 4 * 3 * 4 + 16 * 5
    assert cost.macs(np.array([3, 5])) == 2 * 4 * 3 * 3 + 12 * 5
