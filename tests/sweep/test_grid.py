"""Which jobs a grid has, in which order, and what their folders are called."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from sweep_place import Place
from tflbuild.core.errors import RecipeError
from tflbuild.recipe.load import load_recipe
from tflbuild.sweep.freeze import GridPoint, announcement
from tflbuild.sweep.grid import Combination, expand, names_of
from tflbuild.sweep.request import read_request


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["a=1,2", "b.c=x,y"], ["a=1,b.c=x", "a=1,b.c=y", "a=2,b.c=x", "a=2,b.c=y"]),
        (["a=1", "b=x,y"], ["b=x", "b=y"]),
        (["a=range(1,4)"], ["a=1", "a=2", "a=3"]),
        (["+a=choice(1,2)"], ["a=1", "a=2"]),
        (["pipeline=[train,convert],[train]"], ["pipeline=_train,convert_", "pipeline=_train_"]),
        (["seed=0"], ["only"]),
    ],
)
def test_jobs_are_named_by_what_differs(words: list[str], names: list[str]) -> None:
    assert names_of(expand(["recipe=r", *words])) == names


def test_names_that_a_disk_could_not_tell_apart_get_a_digest() -> None:
    names = names_of(expand(["data.root=a/b,a_b,A_B,c"]))
    assert len({name.casefold() for name in names}) == 4
    assert names[3] == "data.root=c"
    assert names_of(expand(["a=x y,x_y"])) != ["a=x_y", "a=x_y"]
    assert all(name.startswith("data.root=") for name in names)
    names = names_of(expand(["model.name=Net,net,other"]))
    assert len({name.casefold() for name in names}) == 3
    assert names[0].startswith("model.name=Net")
    assert names[0] != "model.name=Net"
    assert names[2] == "model.name=other"


def test_a_long_name_is_cut_to_what_file_systems_allow() -> None:
    long = Combination(["k=" + "ü" * 300], {"k": "ü" * 300})
    other = Combination(["k=" + "ü" * 301], {"k": "ü" * 301})
    assert len(long.name.encode()) <= 180
    assert long.name != other.name


def test_a_name_of_180_bytes_is_kept_and_a_longer_one_ends_in_a_digest() -> None:
    whole = Combination([], {"k": "v" * 178}).name
    assert whole == "k=" + "v" * 178
    cut = Combination([], {"k": "v" * 179}).name
    # SHA-256 of what differs, as `sha256sum` gives it; 160 bytes of the name and 12 letters of the digest
    digest = hashlib.sha256(("k=" + "v" * 179).encode()).hexdigest()
    assert cut == "k=" + "v" * 158 + "-" + digest[:12]


def test_a_grid_of_ten_thousand_jobs_is_built_and_a_larger_one_is_not() -> None:
    assert len(expand(["recipe=r", "a=range(0,100)", "b=range(0,100)"])) == 10_000
    with pytest.raises(RecipeError, match=r"a, b: they make 10,100 jobs; at most 10,000 are built"):
        expand(["recipe=r", "a=range(0,100)", "+b=range(0,101)"])
    with pytest.raises(RecipeError, match=r"a=range\(0,10001\): it has more than 10,000 values"):
        expand(["a=range(0,10001)"])
    assert len(expand(["a=range(0,10000)"])) == 10_000


def test_jobs_run_in_the_order_of_hydra() -> None:
    """The last word varies fastest; what is typed once is typed for every job."""
    found = expand(["recipe=r", "a=1,2", "b=x", "c=3,4"])
    assert [job.overrides for job in found] == [
        ["recipe=r", "a=1", "b=x", "c=3"],
        ["recipe=r", "a=1", "b=x", "c=4"],
        ["recipe=r", "a=2", "b=x", "c=3"],
        ["recipe=r", "a=2", "b=x", "c=4"],
    ]
    assert [job.differs for job in found][1] == {"a": "1", "c": "4"}


def test_a_plus_is_typed_and_not_named() -> None:
    (one, two) = expand(["+a.b=1,2"])
    assert (one.overrides, one.differs, two.name) == (["+a.b=1"], {"a.b": "1"}, "a.b=2")


def test_a_seed_that_was_added_is_replaced_too() -> None:
    job = Combination(["+seed=7", "++seeds=[1]", "seeding=3"], {}).with_seed(0)
    assert job.overrides == ["seeding=3", "seed=0", "seeds=[]"]
    assert job.differs == {"seed": "0"}


def test_a_glob_sweeps_over_recipes_and_files_of_a_group(here: Place) -> None:
    (here.folder / "recipes" / "fake_too.yaml").write_text("description: another\n")
    names = names_of(expand(["recipe=glob(fake*)", "model=glob([fake*])"]))
    assert names == ["recipe=fake,model=fake_model", "recipe=fake_too,model=fake_model"]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("a=interval(0,1)", "a grid needs its values one by one"),
        ("a=1,1", "1 occurs 2 times"),
        ("a=[1", "a=[1: cannot be read as KEY=VALUE"),
        ("recipe=glob(nothing_like_this*)", "matches nothing"),
        ("seed=glob(1*)", "'seed' is not a group"),
    ],
)
def test_what_is_no_grid_is_refused(word: str, message: str, here: Place) -> None:
    with pytest.raises(RecipeError) as caught:
        expand(["recipe=fake", word])
    assert message in str(caught.value)


def test_a_seed_of_a_recipe_replaces_what_was_typed() -> None:
    job = Combination(["recipe=r", "seeds=[0,1]", "seed=7", "a=1"], {"a": "1"}).with_seed(1)
    assert job.overrides == ["recipe=r", "a=1", "seed=1", "seeds=[]"]
    assert job.name == "a=1,seed=1"


def test_the_words_of_launcher_and_sweeper_are_taken_apart() -> None:
    request = read_request(
        [
            "recipe=r",
            "hydra/launcher=joblib",
            "hydra.launcher.n_jobs=2",
            "+hydra.launcher.ray.init.num_cpus=3",
            "hydra/sweeper=optuna",
            "hydra/sweeper/sampler=tpe",
            "hydra.sweeper.direction=[maximize,minimize]",
            "+hydra.sweeper.params.x=interval(0,1)",
            "prune.sparsity=0.5,0.7",
        ]
    )
    assert request.overrides == ["recipe=r", "prune.sparsity=0.5,0.7"]
    assert request.launcher == "joblib"
    assert request.launcher_options == {"n_jobs": 2, "ray": {"init": {"num_cpus": 3}}}
    assert request.sweeper == "optuna"
    expected: dict[str, Any] = {"sampler": "tpe", "direction": ["maximize", "minimize"]}
    assert request.sweeper_options == {**expected, "params": {"x": "interval(0,1)"}}


def test_a_sweep_that_says_nothing_is_a_grid_in_this_process() -> None:
    request = read_request(iter(["recipe=r", "hydrant=1", "a.hydra/x=2"]))
    assert request.overrides == ["recipe=r", "hydrant=1", "a.hydra/x=2"]
    assert (request.launcher, request.sweeper) == ("serial", "basic")
    assert (request.launcher_options, request.sweeper_options) == ({}, {})


def test_options_of_launcher_and_sweeper_are_nested_and_the_last_one_counts() -> None:
    request = read_request(
        [
            "hydra.launcher.ray.init.num_cpus=1",
            "hydra.launcher.ray.remote.num_cpus=2",
            "hydra.launcher.ray.init.num_cpus=3",
            "++hydra.sweeper.n_trials=5",
        ]
    )
    assert request.launcher_options == {"ray": {"init": {"num_cpus": 3}, "remote": {"num_cpus": 2}}}
    assert request.sweeper_options == {"n_trials": 5}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hydra.run.dir=here"], "only hydra/launcher="),
        (["hydra.job.name=x"], "only hydra/launcher="),
        (["~hydra.launcher.n_jobs"], "only hydra/launcher="),
        (["hydra.launcher=joblib"], "only hydra/launcher="),
        (["hydra/launcher=joblib,ray"], "a sweep has one launcher; give one value"),
        (["hydra/sweeper=basic,optuna"], "a sweep has one sweeper; give one value"),
        (["~hydra/launcher=joblib"], "only hydra/launcher="),
        (["hydra.launcher.n_jobs=1,2"], "give one value"),
        (["hydra/sweeper=nevergrad"], "there are basic, optuna"),
        (["hydra.launcher.ray=1", "hydra.launcher.ray.init=2"], "ray was given a value already"),
    ],
)
def test_other_settings_of_hydra_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_request(words)
    assert message in str(caught.value)


def test_what_recipes_leave_out_is_said_once(here: Place) -> None:
    recipe = replace(load_recipe(["recipe=fake"]), remarks=("model.width=1 was left out",))
    jobs = [GridPoint(combination=one, recipe=recipe) for one in expand(["recipe=fake", "seed=0,1"])]
    assert announcement(jobs).splitlines()[1:] == ["warning: model.width=1 was left out"]
