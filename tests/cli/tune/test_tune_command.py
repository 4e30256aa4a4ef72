"""The search of settings: its space, its trials, budgets, continuation, and refusals."""

import json
import sys
import types

import pytest

from seqgan_kit.cli.main import main
from seqgan_kit.cli.tune import search as searching
from seqgan_kit.cli.tune.search import Search, search
from seqgan_kit.cli.tune.space import Setting, read_space, words_of
from seqgan_kit.cli.tune.trial_run import TrialOutcome, run_trial
from seqgan_kit.errors import DataError, TrainingError, UsageError

SPACE = """
mle_learning_rate: {low: 1e-4, high: 0.1, log: true}
lstm.hidden: [8, 16]
lstm.embedding: {low: 4, high: 16}
"""


@pytest.fixture
def space(tmp_path):
    file = tmp_path / "space.yaml"

    def write(text=SPACE):
        file.write_text(text)
        return file

    return write


class Trial:
    """Optuna's interface, which proposes the last choice or the upper end."""

    def suggest_categorical(self, name, choices):
        return choices[-1]

    def suggest_int(self, name, low, high, log):
        return high

    def suggest_float(self, name, low, high, log):
        return high if log else low


def test_a_space_has_choices_and_ranges_of_both_kinds(space):
    settings = read_space(space())
    assert [s.name for s in settings] == ["mle_learning_rate", "lstm.hidden", "lstm.embedding"]
    values = {s.name: s.suggest(Trial()) for s in settings}
    assert values == {"mle_learning_rate": 0.1, "lstm.hidden": 16, "lstm.embedding": 16}
    assert words_of(values | {"run.compile": False, "quiet": True}) == [
        *("--mle-learning-rate", "0.1", "--lstm.hidden", "16", "--lstm.embedding", "16"),
        *("--run.no-compile", "--quiet"),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no settings: write one per line, as in mle_learning_rate"),
        ("a: [", "cannot be read"),
        ("a: 3", "a is 3; give a list of choices, or low, high and log"),
        ("a: []", "a is \\[\\]; give a list"),
        ("a: {low: 2, high: 1}", "give a list of choices, or low, high and log"),
        ("a: {low: 0, high: 1, log: true}", "searched in logarithms, so low must be above 0"),
        ("a: {low: 0, high: 1, step: 2}", "give a list of choices, or low"),
    ],
)
def test_a_wrong_space_is_answered_in_a_sentence(space, text, why):
    with pytest.raises(DataError, match=why):
        read_space(space(text))


RECIPE = """
import json, pathlib, sys, time

out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1])
value = float(sys.argv[sys.argv.index("--x") + 1])
if value > 5:
    sys.exit("x is too large")
out.mkdir(parents=True, exist_ok=True)
with (out / "metrics.jsonl").open("a") as file:
    for n in range(3):
        row = {"kind": "evaluation", "phase": "p", "round": n, "total_round": n}
        row |= {"move": 10 * n, "seconds": 0.0}
        file.write(json.dumps(row | {"values": {"m": value - n}}) + "\\n")
        file.flush()
        time.sleep(60 if value < 0 else 0)
"""


@pytest.fixture
def recipe(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(RECIPE)
    return str(file)


def test_a_trial_reports_every_evaluation_and_returns_the_last(recipe, tmp_path):
    reported = []

    def never(number, value):
        reported.append((number, value))
        return False

    outcome = run_trial(recipe, ["--x", "3"], tmp_path / "t" / "trial-000", "m", never)
    assert outcome == TrialOutcome(1.0, 20, False)
    assert reported in ([], [(0, 3.0), (1, 2.0), (2, 1.0)])


def test_a_hopeless_trial_is_stopped_and_a_failed_one_says_why(recipe, tmp_path):
    outcome = run_trial(recipe, ["--x", "-1"], tmp_path / "t" / "a", "m", lambda n, v: v < 0)
    assert outcome == TrialOutcome(-1.0, 0, True)
    with pytest.raises(TrainingError, match=r"x is too large \(log: .*b\.log\)"):
        run_trial(recipe, ["--x", "6"], tmp_path / "t" / "b", "m", lambda n, v: False)


def test_settings_that_the_recipe_lacks_are_refused_before_the_first_trial(
    space, monkeypatch, capsys, tmp_path
):
    monkeypatch.setitem(
        sys.modules,
        "optuna",
        types.SimpleNamespace(
            logging=types.SimpleNamespace(set_verbosity=lambda level: None, WARNING=30)
        ),
    )
    words = ["tune", "mle", "--preset", "smoke", "--out", str(tmp_path / "out"), "--space"]
    assert main([*words, str(space("hiden: [3]"))]) == 2
    told = capsys.readouterr().err
    assert "hiden is not a setting of mle. Did you mean lstm.hidden" in told
    assert main([*words, str(space("lstm.hidden: [8, 0]"))]) == 2
    assert "the space's setting lstm.hidden" in capsys.readouterr().err
    assert main([*words, str(space()), "--flags=--seed 3"]) == 2
    assert "tune sets --seed itself" in capsys.readouterr().err
    assert main([*words, str(space()), "--beside", str(tmp_path)]) == 2
    assert "there is no readable tuned.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_optuna_it_names_the_extra(space, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert main(["tune", "mle", "--space", str(space())]) == 2
    assert "pip install 'seqgan-kit[tune]'" in capsys.readouterr().err


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A search of the minimum of (x - 0.3)^2, and the words of its trials."""
    pytest.importorskip("optuna")
    seen = []

    def measured(recipe, words, folder, metric, is_hopeless):
        seen.append(words)
        x = float(words[words.index("--x") + 1])
        if is_hopeless(0, (x - 0.3) ** 2):
            return TrialOutcome((x - 0.3) ** 2, 5, True)
        return TrialOutcome((x - 0.3) ** 2, 10, False)

    monkeypatch.setattr(searching, "run_trial", measured)
    space = (Setting("x", (), 0.0, 1.0),)
    return Search("mle", ("smoke",), space, "m", False, 8, True, 0, tmp_path / "out"), seen


@pytest.mark.filterwarnings("ignore")
def test_a_search_counts_its_budget_and_continues(asked):
    first, seen = asked
    said = []
    result = search(first, said.append)
    assert len(seen) == len(said) == result["trials"] == 8
    assert result["finished"] + result["stopped"] == 8
    assert result["updates"] == 10 * result["finished"] + 5 * result["stopped"]
    assert result["best"] == (result["settings"]["x"] - 0.3) ** 2 < 0.05
    assert json.loads((first.out / "tuned.json").read_text()) == result
    more = search(Search(**(vars(first) | {"trials": 11})), said.append)
    assert more["trials"] == len(seen) == len({words[-1] for words in seen}) == 11
    with pytest.raises(UsageError, match="holds a search with another metric"):
        search(Search(**(vars(first) | {"metric": "n"})), said.append)


@pytest.mark.filterwarnings("ignore")
def test_an_interrupted_trial_is_made_again(asked, monkeypatch):
    first, seen = asked
    whole = searching.run_trial

    def interrupted(recipe, words, folder, metric, is_hopeless):
        seen.append(words)
        raise KeyboardInterrupt

    monkeypatch.setattr(searching, "run_trial", interrupted)
    with pytest.raises(KeyboardInterrupt):
        search(first, print)
    monkeypatch.setattr(searching, "run_trial", whole)
    result = search(first, print)
    assert seen[0] == seen[1]
    assert result["trials"] == 8
    assert result["failed"] == 0
