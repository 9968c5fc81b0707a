"""Flags of the command line: every one of Hydra's is known, and each is read or refused in a sentence."""

from __future__ import annotations

import pytest
from hydra._internal.utils import get_args_parser

from tflbuild.core.errors import RecipeError
from tflbuild.core.flags import FLAGS, Given, check_together, help_lines, read


def refused(*words: str) -> str:
    with pytest.raises(RecipeError) as caught:
        check_together(read(words))
    return str(caught.value)


def test_every_flag_of_hydra_is_one_of_ours() -> None:
    theirs = {name for action in get_args_parser()._actions for name in action.option_strings}
    ours = {name for flag in FLAGS if flag.of_hydra for name in flag.names}
    assert ours == theirs


def test_the_choices_of_hydra_are_ours() -> None:
    for action in get_args_parser()._actions:
        if action.choices:
            (flag,) = (flag for flag in FLAGS if flag.names == tuple(action.option_strings))
            assert sorted(flag.choices) == sorted(action.choices)


READ = [
    (["recipe=r", "a=1"], Given(words=("recipe=r", "a=1"))),
    (["+a=1", "~b"], Given(words=("+a=1", "~b"))),
    (["recipe=r", "a"], Given(words=("recipe=r", "a"))),
    (["--locked", "recipe=r"], Given(words=("locked=true", "recipe=r"))),
    (["--locked=x.yaml", "recipe=r"], Given(words=("locked=x.yaml", "recipe=r"))),
    (["--locked", "plan", "recipe=r"], Given(command="plan", words=("locked=true", "recipe=r"))),
    (["-m", "recipe=r"], Given(words=("recipe=r",), flags={"--multirun": ""})),
    (["plan", "-m", "recipe=r"], Given(command="plan", words=("-m", "recipe=r"))),
    (["diagnose", "x", "--try", "-p", "1"], Given(command="diagnose", words=("x", "--try", "-p", "1"))),
    (
        ["plan", "x", "-cd", "d", "--verbose"],
        Given(command="plan", words=("x",), flags={"--config-dir": "d", "--verbose": ""}),
    ),
    (["-c", "job", "recipe=r"], Given(words=("recipe=r",), flags={"--cfg": "job"})),
    (["-cjob", "recipe=r"], Given(words=("recipe=r",), flags={"--cfg": "job"})),
    (["--cfg=all", "recipe=r"], Given(words=("recipe=r",), flags={"--cfg": "all"})),
    (["--info", "recipe=r"], Given(words=("recipe=r",), flags={"--info": "all"})),
    (["recipe=r", "-i"], Given(words=("recipe=r",), flags={"--info": "all"})),
    (["--info", "defaults-tree"], Given(flags={"--info": "defaults-tree"})),
    (["-sc", "install=bash"], Given(words=("install=bash",), flags={"--shell-completion": ""})),
    (["-cn", "r"], Given(flags={"--config-name": "r"})),
    (["--config-dir", "a=b"], Given(flags={"--config-dir": "a=b"})),
    ([], Given()),
]


@pytest.mark.parametrize(("words", "given"), READ, ids=[" ".join(words) for words, _ in READ])
def test_words_are_flags_a_command_or_overrides(words: list[str], given: Given) -> None:
    assert read(words) == given


REFUSED = [
    (["--cfg"], "--cfg: its value is missing; write --cfg job or hydra or all."),
    (["--cfg", "recipe=r"], "--cfg: its value is missing; write --cfg job or hydra or all."),
    (["--cfg", "jop"], "--cfg: 'jop' is not one of job, hydra, all. Did you mean 'job'?"),
    (
        ["--info", "default"],
        "--info: 'default' is not one of all, config, defaults, defaults-tree, plugins, sear",
    ),
    (["--config-dir"], "--config-dir: its value is missing; write --config-dir DIR."),
    (["--config-dir="], "--config-dir: its value is missing; write --config-dir DIR."),
    (["-p", "--cfg", "job"], "--package: its value is missing; write --package KEY."),
    (["--multirun=1"], "--multirun: it takes no value; remove '=1'."),
    (["--cgf", "job"], "'--cgf' is not an option of tflbuild; see tflbuild --help. Did you mean '--cfg'?"),
    (["-x"], "'-x' is not an option of tflbuild; see tflbuild --help."),
    (
        ["--experimental-rerun", "x"],
        "--experimental-rerun: tflbuild writes no Hydra pickle; 'tflbuild rerun",
    ),
    (
        ["--package", "a", "recipe=r"],
        "--package: it only changes what --cfg prints; add --cfg job, or remove it.",
    ),
    (["--resolve", "recipe=r"], "--resolve: it only changes what --cfg prints; add --cfg job, or remove it."),
    (["-c", "job", "-i"], "--cfg and --info: use one at a time; remove the others."),
    (
        ["-m", "-c", "job"],
        "--multirun and --cfg: use one at a time; remove the others. 'tflbuild plan -m ...' shows",
    ),
    (["-r", "-m"], "--run and --multirun: use one at a time; remove the others."),
    (
        ["-cp", "a", "-cd", "b"],
        "--config-path and --config-dir: these are two names of one flag; give one of them.",
    ),
    (["-cn", "a", "recipe=b"], "--config-name: the recipe is named twice; remove '--config-name a'."),
]


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_cannot_be_read_is_a_sentence(words: list[str], message: str) -> None:
    assert refused(*words).startswith(message)


def test_help_fits_a_terminal() -> None:
    lines = "\n".join(help_lines(FLAGS)).splitlines()
    assert max(map(len, lines)) <= 80
    for flag in FLAGS:
        assert any(flag.shown in line for line in lines)
