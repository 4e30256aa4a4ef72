"""``--help`` of recipes: every flag once, in groups, and as wide as the terminal."""

import re

import pytest

from seqgan_kit.cli.recipe_commands import load_recipe, recipe_files
from seqgan_kit.core.runs.launch import parse
from seqgan_kit.core.runs.recipe_help import GROUPS, options_of, recipe_help


def shown(recipe: str, capsys, *words: str) -> str:
    module = load_recipe(recipe_files()[recipe])
    with pytest.raises(SystemExit) as end:
        parse(module.PRESETS, [*words, "--help"], module.__doc__ or "")
    assert end.value.code == 0
    return capsys.readouterr().out


def test_options_stand_in_groups_of_eighty_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = shown("seqgan", capsys)
    headings = re.findall(r"^(\w+): \w", text, flags=re.MULTILINE)
    wanted = ["data", "method", "training", "networks", "scores", "run"]
    assert [name for name in headings if name in GROUPS] == wanted
    assert "techniques:" in shown("dcgan", capsys)
    options = text[text.index("\ndata:") :].splitlines()
    assert max(map(len, options)) <= 80
    assert "  settings of textcnn:" in options


def test_defaults_are_those_of_the_preset(capsys):
    def rollouts(*words: str) -> str:
        text = shown("seqgan", capsys, *words)
        return re.search(r"--rollouts INT.*?\(default: (\d+)\)", text, flags=re.DOTALL)[1]

    assert (rollouts(), rollouts("paper")) == ("4", "16")


@pytest.mark.parametrize("recipe", sorted(recipe_files()))
def test_every_option_has_a_flag_of_its_own_and_a_text(recipe):
    module = load_recipe(recipe_files()[recipe])
    options = list(options_of(module.PRESETS["default"]))
    flags = [option.flag for option in options]
    assert len(set(flags)) == len(flags)
    assert [option.flag for option in options if not option.text] == []


def test_the_parser_takes_the_flags_that_the_help_shows():
    module = load_recipe(recipe_files()["dcgan"])
    options = list(options_of(module.PRESETS["default"]))
    switches = {o.flag for o in options if not o.values} - {"--overwrite"}
    parse(module.PRESETS, ["smoke", *sorted(switches)], "")


def test_a_configuration_without_source_still_has_its_flags():
    import dataclasses

    from seqgan_kit.core.runs.run import RunSettings

    config = dataclasses.make_dataclass(
        "Own", [("width", int, 3), ("run", RunSettings, RunSettings())]
    )()
    text = recipe_help(config, "own.py", "Mine.")
    assert re.search(r"^method: .*\n  --width INT +\(default: 3\)$", text, flags=re.MULTILINE)
