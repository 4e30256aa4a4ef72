"""The plan of ``compare``: arms, a common start and budget, exact commands, and early errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqgan_kit.cli.compare.arms import Arm, asked_arms, collected_folders
from seqgan_kit.cli.compare.plan import Budget, Plan, make_plan, write_shared
from seqgan_kit.cli.main import main
from seqgan_kit.errors import DataError, UsageError

OUT = Path("out")


def plan_of(*arms: str, budget: Budget = Budget(), **options: Any) -> Plan:  # noqa: B008
    asked = asked_arms([a for a in arms if "=" not in a], [a for a in arms if "=" in a])
    options = {"preset": "smoke", **options}
    return make_plan(asked, OUT, options.pop("seeds", (0, 1)), budget, **options)


def words_of(plan: Plan, arm: str, seed: int = 0) -> list[str]:
    (run,) = (run for run in plan.runs if (run.arm, run.seed) == (arm, seed))
    return list(run.words)


def after(words: list[str], flag: str) -> str:
    return words[words.index(flag) + 1]


def test_every_comparison_has_a_start_mle_and_a_null_reward() -> None:
    plan = plan_of("seqgan", "gumbel_softmax")
    assert [(arm.name, arm.role) for arm in plan.arms] == [
        ("start", "start"),
        ("mle", "baseline"),
        ("seqgan", "method"),
        ("gumbel_softmax", "method"),
        ("constant", "control"),
    ]
    assert len(plan.runs) == 2 * 5
    assert words_of(plan, "constant", 1) == [
        "smoke",
        *("--config", "out/shared.json"),
        *("--pretrained", "out/start/seed-1"),
        *("--reward", "constant"),
        *("--most-work", "0"),
        *("--seed", "1"),
        *("--out", "out/constant/seed-1"),
    ]


def test_all_runs_share_settings_of_the_run_that_are_set() -> None:
    assert plan_of("seqgan").shared["run"] == {
        "device": "auto",
        "precision": "fp32",
        "compile": False,
    }
    words = ["--threads", "1", "--report-to", "trackio", "--precision", "bf16"]
    assert plan_of("seqgan", shared_words=words).shared["run"] == {
        "device": "auto", "precision": "bf16", "compile": False, "threads": 1, "report_to": ["trackio"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arms", "controls"),
    [
        (("gumbel_softmax", "relgan"), []),
        (("seqgan", "x=seqgan --reward random"), [Arm("x", "seqgan", ("--reward", "random"), "control")]),
        (("gumbel_softmax", "maligan"), [Arm("constant", "maligan", ("--reward", "constant"), "control")]),
        (
            ("deep=seqgan --rollouts 3", "constant=gumbel_softmax"),
            [Arm("deep-constant", "seqgan", ("--rollouts", "3", "--reward", "constant"), "control")],
        ),
    ],
)  # fmt: skip
def test_the_control_is_the_asked_one_or_the_first_method_with_rewards(
    arms: tuple[str, ...], controls: list[Arm]
) -> None:
    assert [arm for arm in plan_of(*arms).arms if arm.role == "control"] == controls


def test_all_arms_start_from_the_run_of_their_seed() -> None:
    for run in plan_of("seqgan").runs:
        if run.arm == "start":
            assert run.start is None
            assert "--pretrained" not in run.words
        else:
            assert run.start == OUT / "start" / f"seed-{run.seed}"
            assert after(list(run.words), "--pretrained") == str(run.start)


def test_the_start_trains_as_the_first_method_would_pretrain() -> None:
    words = words_of(plan_of("seqgan", preset="default"), "start")
    assert after(words, "--mle-epochs") == "15"
    assert after(words, "--mle-learning-rate") == "0.005"
    assert after(words, "--mle-schedule") == "linear"
    assert after(words, "--batch-size") == "128"
    assert after(words, "--patience-evaluations") == "15"


def test_methods_on_pairs_are_compared_with_a_random_reward() -> None:
    """Equal rewards of a group would change nothing. The policy learns twice from each of two parts."""
    arms = ("gad", "textgail", "spin", "twice=gad --update-epochs 2 --minibatches 2 --rounds 7")
    plan = plan_of(*arms, seeds=(0,))
    assert plan.arms[-1] == Arm("random", "gad", ("--reward", "random"), "control")
    assert plan.shared["data"]["text"] == "catworld:translate"
    assert "oracle" not in plan.shared
    assert after(words_of(plan, "mle"), "--mle-moves") == "28"


def test_a_setting_that_one_recipe_lacks_cannot_be_set() -> None:
    assert "pairs" not in plan_of("seqgan", "jsdgan").shared
    with pytest.raises(UsageError, match="jsdgan has no settings of pairs, which 'seqgan' sets"):
        plan_of("seqgan", "jsdgan", shared_words=["--prompt-words", "1"])


@pytest.mark.parametrize(
    ("arms", "updates"),
    [
        (("seqgan",), "360"),
        (("jsdgan", "dgsan"), "360"),
        (("seqgan", "long=seqgan --rounds 100 --teacher-forcing-moves 8"), "1000"),
    ],
)  # fmt: skip
def test_mle_gets_as_many_updates_as_the_longest_method(
    arms: tuple[str, ...], updates: str
) -> None:
    """SeqGAN's default: 90 rounds of 2 moves by verdict and 2 by teacher forcing."""
    assert after(words_of(plan_of(*arms, preset="default"), "mle"), "--mle-moves") == updates


def test_a_number_of_updates_becomes_rounds_of_every_method() -> None:
    plan = plan_of("seqgan", "relgan", preset="default", budget=Budget("updates", updates=50))
    for arm in ("seqgan", "relgan", "constant"):
        assert after(words_of(plan, arm), "--rounds") == "13"  # of 4 updates each
    assert after(words_of(plan, "mle"), "--mle-moves") == "52"


def test_seconds_limit_all_but_the_start() -> None:
    plan = plan_of("seqgan", budget=Budget("seconds", seconds=9.0))
    assert {run.arm: run.seconds for run in plan.runs} == {
        "start": 0.0,
        "mle": 9.0,
        "seqgan": 9.0,
        "constant": 9.0,
    }


def test_the_generator_is_the_first_methods_for_all(tmp_path: Path) -> None:
    """RelGAN's own preset has a relational memory; here it gets the common generator."""
    plan = plan_of("seqgan", "relgan")
    assert plan.shared["generator"]["generator"] == "lstm"
    assert plan_of("relgan").shared["generator"]["generator"] == "relational"
    chosen = plan_of("seqgan", shared_words=["--generator", "transformer", "--temperatures", "0.5"])
    assert chosen.shared["generator"]["generator"] == "transformer"
    assert chosen.shared["scores"]["temperatures"] == [0.5]
    write_shared(chosen, tmp_path)
    assert '"transformer"' in (tmp_path / "shared.json").read_text()


def test_shared_settings_of_runs_that_exist_are_not_changed(tmp_path: Path) -> None:
    out = tmp_path / "c"
    first = make_plan([Arm("seqgan", "seqgan")], out, [0], Budget(), preset="smoke")
    write_shared(first, out)
    (out / "start" / "seed-0").mkdir(parents=True)
    write_shared(first, out)
    words = ["--score-samples", "7"]
    other = make_plan([Arm("s", "seqgan")], out, [0], Budget(), preset="smoke", shared_words=words)
    with pytest.raises(UsageError, match="other shared settings"):
        write_shared(other, out)


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (["seqgann"], r"unknown recipe 'seqgann'\. Did you mean 'seqgan'\?"),
        (["a=seqgan", "a=maligan"], "two arms are named 'a'"),
        (["mle=seqgan"], "every comparison contains MLE already"),
        (["x=mle --lstm.hidden 3"], "every comparison contains MLE already"),
        (["=seqgan"], r"must have the form NAME=RECIPE \[FLAGS\]"),
        (["x=seqgan '"], "cannot be split into words: No closing quotation"),
        (["dcgan"], "has no --pretrained, so it cannot start"),
        (["leakgan"], "has a generator of its own kind, which mle cannot train"),
        (["x=gad --text my.txt"], "arm 'x' changes settings of data"),
        (["x=seqgan --mle-epochs -1"], "arm 'x': mle_epochs is -1"),
        (
            ["x=seqgan --mle-epochs 3"],
            "give it to that generator with --shared='--mle-epochs VALUE'",
        ),
        (["x=seqgan --rolouts 3"], "arm 'x': the recipe refused these flags"),
        (["x=seqgan --lstm.hidden 9"], "arm 'x' changes settings of generator"),
        (["x=seqgan --text my.txt"], "arm 'x' changes settings of data"),
        (["x=seqgan --seed 3"], "--seed cannot be set for an arm"),
        (["x=seqgan --overwrite"], "--overwrite cannot be set for an arm"),
        (["x=seqgan --generator-moves 0"], "never updates its generator"),
    ],
)
def test_mistakes_are_found_before_anything_runs(arms: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_of(*arms)


def test_an_unknown_preset() -> None:
    with pytest.raises(UsageError, match=r"unknown preset of seqgan 'smok'\. Did you mean 'smoke'"):
        plan_of("seqgan", preset="smok")


@pytest.mark.parametrize("word", ["--rollouts=3", "--discriminator=birnn", "--nonsense=1"])
def test_shared_flags_are_those_that_mle_has_too(word: str) -> None:
    with pytest.raises(UsageError, match="settings that every recipe has"):
        plan_of("seqgan", shared_words=[word])


def test_shared_flags_may_say_how_the_start_is_trained() -> None:
    plan = plan_of("maligan", "seqgan", preset="oracle", shared_words=["--mle-epochs", "15"])
    words = words_of(plan, "start")
    assert after(words, "--mle-epochs") == "15.0"
    assert after(words, "--mle-learning-rate") == "0.01", "as the first arm's"
    assert "--mle-moves" in words_of(plan, "mle"), "further training has the arms' budget"


def test_other_settings_of_the_training_are_not_shared() -> None:
    with pytest.raises(UsageError, match=r"--batch-size is a setting of every method's own"):
        plan_of("seqgan", shared_words=["--batch-size", "32"])


def test_rounds_and_updates_contradict_each_other() -> None:
    with pytest.raises(UsageError, match="--rounds contradicts --updates"):
        plan_of("x=seqgan --rounds 3", budget=Budget("updates", updates=5))


def test_runs_that_exist_are_named_by_arm(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.mkdir()
    a, b, c = map(str, paths)
    assert collected_folders([f"mle={a}", b, f"toy={c}"]) == {"mle": paths[:2], "toy": paths[2:]}
    with pytest.raises(UsageError, match="the arm's name is missing"):
        collected_folders([a])
    with pytest.raises(DataError, match="no such run directory"):
        collected_folders([f"mle={tmp_path / 'd'}"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no method is given: name at least one"),
        (["--runs", "toy=."], "--runs has no MLE to compare with"),
        (["seqgan", "--budget", "seconds"], "--budget seconds needs a number"),
        (["seqgan", "--updates", "3", "--seconds", "4"], "--updates and --seconds are both given"),
        (["seqgan", "--budget", "hours"], "unknown budget 'hours'"),
        (["--runs", "mle=.", "--updates", "3"], "have no budget left to set"),
        (["seqgan", "--shared='"], "cannot be split"),
    ],
)
def test_mistakes_on_the_command_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_dry_run_prints_the_commands_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c"
    words = ["seqgan", "--preset", "smoke", "--seeds", "4", "--out", str(out), "--dry-run"]
    assert main(["compare", *words]) == 0
    about, *lines = capsys.readouterr().out.splitlines()
    assert about.startswith(f"# {out / 'shared.json'}")
    assert [line.split()[:3] for line in lines] == [
        ["seqgan-kit", "run", name] for name in ("mle", "mle", "seqgan", "seqgan")
    ]
    assert not out.exists()
