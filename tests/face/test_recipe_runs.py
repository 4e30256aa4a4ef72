"""``sk.run``: settings by their flags' names, errors as sentences, and a record of the same command line."""

import shlex
import sys
from pathlib import Path

import pytest

import seqgan_kit as sk
from seqgan_kit.cli.recipe_commands import find_recipe, load_recipe
from seqgan_kit.core.runs.launch import chosen_settings, parse
from seqgan_kit.core.runs.log import settings_of
from seqgan_kit.core.runs.settings import merged, to_dict
from seqgan_kit.errors import DataError, SeqganKitError, UsageError
from seqgan_kit.face.command_words import command_words, plain


def test_a_run_has_scores_report_and_model(text_run):
    assert set(text_run.scores) == {"MLE", "SeqGAN", "real data"}
    assert 0 <= text_run.scores["SeqGAN"]["bleu2"] <= 1
    assert "BLEU-2" in str(text_run.scores)
    assert text_run.report.is_file()
    assert text_run.metrics[-1]["message"] == "finished"
    assert len(text_run.model.sample(3)) == 3
    assert settings_of(text_run.folder)["discriminator"]["textcnn"]["dropout"] == 0.1


def test_the_recorded_command_makes_the_same_run(text_run):
    command = sk.RecipeRun(text_run.folder).model.folder / "config.json"
    assert command.is_file()
    import json

    record = json.loads(command.read_text())
    program, verb, recipe, *words = record["command"]
    assert (program, verb, recipe) == ("seqgan-kit", "run", "seqgan")
    module = load_recipe(find_recipe("seqgan"))
    assert to_dict(parse(module.PRESETS, words, "")) == record["config"]


def test_settings_of_groups_with_a_name_keep_it():
    module = load_recipe(find_recipe("char_wgan_gp"))
    base = chosen_settings(module.PRESETS, "smoke")
    config = merged(base, {"critic": {"width": 7}, "generator": {"width": 9}, "seed": 2})
    words = command_words(base, config)
    assert set(words) == {"--critic.width", "7", "--generator.width", "9", "--seed", "2"}
    assert to_dict(parse(module.PRESETS, ["smoke", *words], "")) == to_dict(config)


@pytest.mark.parametrize(
    "settings",
    [
        {"rollouts": 3, "lowercase": True, "temperatures": (0.8, 1.2), "max_tokens": 9},
        {"generator": "transformer", "transformer": {"layers": 1}, "text": Path("a b.txt")},
        {"textcnn": {"filters": [(2, 8), (3, 9)], "highway": False}, "oracle": "seed:1"},
        {"generator_learning_rate": 1e-4},
    ],
)
def test_any_setting_becomes_the_words_of_its_flags(settings):
    module = load_recipe(find_recipe("seqgan"))
    base = chosen_settings(module.PRESETS, "smoke")
    config = merged(base, plain(settings))
    words = shlex.split(shlex.join(["smoke", *command_words(base, config)]))
    assert to_dict(parse(module.PRESETS, words, "")) == to_dict(config) != to_dict(base)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (("seqgam",), UsageError, "unknown recipe 'seqgam'. Did you mean 'seqgan'"),
        (("seqgan", "smok"), UsageError, "unknown preset 'smok'. Did you mean 'smoke'"),
        (("no_such.py",), DataError, "no such recipe file"),
    ],
)
def test_wrong_names_are_exceptions_with_a_sentence(call, kind, message):
    with pytest.raises(kind, match=message):
        sk.run(*call)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rolouts": 3}, "unknown setting 'rolouts'. Did you mean 'rollouts'"),
        ({"rollouts": -1}, "rollouts is -1; it must be 0 or more"),
        ({"rollouts": "many"}, "rollouts is 'many', which is not a int"),
        ({"text": "nowhere.txt"}, "nowhere.txt"),
        ({"resume": "nowhere"}, "has no run to resume"),
    ],
)
def test_wrong_settings_are_exceptions_with_a_sentence(settings, message, tmp_path):
    argv = list(sys.argv)
    with pytest.raises(SeqganKitError, match=message):
        sk.run(
            "seqgan", "smoke", out=None if "resume" in settings else tmp_path / "run", **settings
        )
    assert not (tmp_path / "run").exists()
    assert sys.argv == argv


def test_a_folder_with_a_run_is_refused_and_resumed(text_run):
    with pytest.raises(UsageError, match="is not empty"):
        sk.run("seqgan", "smoke", out=text_run.folder)
    again = sk.run("seqgan", resume=text_run.folder, quiet=True)
    assert again.scores == text_run.scores


def test_a_recipe_file_of_ones_own_runs(tmp_path, text_file):
    own = tmp_path / "my_mle.py"
    own.write_bytes(find_recipe("mle").read_bytes())
    run = sk.run(own, "smoke", text=text_file, out=tmp_path / "own", score_samples=20, quiet=True)
    assert "MLE" in run.scores
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(UsageError, match="is no recipe: it must define PRESETS"):
        sk.run(tmp_path / "empty.py")


def test_a_notebook_shows_the_table_and_the_curves(text_run):
    shown = text_run._repr_html_()
    assert shown.startswith("<iframe")
    assert "BLEU-2" in shown
    assert "&lt;svg" in shown
    assert "<script" not in shown
    assert "BLEU-2" in text_run.scores._repr_html_()


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is not a run directory"):
        sk.RecipeRun(tmp_path)


def test_a_model_without_probabilities_at_a_temperature_still_has_samples_there(
    text_file, tmp_path
):
    run = sk.run(
        "mdlm",
        "smoke",
        text=text_file,
        out=tmp_path,
        score_samples=20,
        temperatures=(0.5,),
        quiet=True,
    )
    cold = run.scores["MDLM at 0.5"]
    assert 0 <= cold["bleu2"] <= 1
    assert "nll_test" not in cold
    assert len(run.model.sample(3)) == 3


def test_the_law_of_the_training_text_needs_all_of_it(text_file, tmp_path):
    with pytest.raises(UsageError, match="leave --streaming out"):
        sk.run(
            "jsdgan",
            "smoke",
            text=text_file,
            out=tmp_path,
            streaming=True,
            max_tokens=9,
            quiet=True,
        )
