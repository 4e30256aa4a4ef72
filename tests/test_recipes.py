"""Every recipe's smoke preset runs as a user would run it, and leaves a complete run directory."""

import json
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from one_process import OneProcess
from PIL import Image

from seqgan_kit.cli.compare.arms import asked_arms
from seqgan_kit.cli.compare.plan import Budget, make_plan
from seqgan_kit.cli.recipe_commands import load_recipe
from seqgan_kit.errors import UsageError
from seqgan_kit.report.comparison.arm_runs import ComparedRun

ROOT = Path(__file__).resolve().parents[1]
RECIPES = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
PATHS = {recipe: str(ROOT / "recipes" / f"{recipe}.py") for recipe in RECIPES}
Smoked = Callable[[str], tuple[Path, subprocess.CompletedProcess[str]]]


@pytest.fixture(scope="module")
def smoked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smoked]:
    """Folder and end of a recipe's run, made when a test first asks for it; all lie beside each other."""
    folder = tmp_path_factory.mktemp("smoke")
    with OneProcess(folder) as shell:

        @cache
        def run(recipe: str) -> tuple[Path, subprocess.CompletedProcess[str]]:
            words = [PATHS[recipe], "smoke", "--out", recipe, "--seed", "3"]
            return folder / recipe, shell.run(words)

        yield run


@pytest.mark.parametrize("recipe", RECIPES)
def test_smoke_leaves_a_complete_run(recipe: str, smoked: Smoked) -> None:
    folder, done = smoked(recipe)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Warning" not in done.stderr, done.stderr
    config = json.loads((folder / "config.json").read_text())
    assert (config["recipe"], config["preset"], config["seed"]) == (recipe, "smoke", 3)
    kinds = {json.loads(row)["kind"] for row in (folder / "metrics.jsonl").read_text().splitlines()}
    assert {"train", "phase"} <= kinds
    assert "<svg" in (folder / "report.html").read_text()
    assert list((folder / "checkpoints").glob("move-*.pt"))
    assert list((folder / "samples").iterdir())
    assert "--resume" in done.stdout
    model = json.loads((folder / "model" / "model.json").read_text())
    for part in model.get("parts", ["generator"]):
        assert (folder / "model" / f"{part}.safetensors").stat().st_size > 0
    assert f"seqgan-kit {model.get('verbs', ['sample'])[0]} {recipe}" in done.stdout


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_model_keeps_the_promises_of_its_verbs(
    recipe: str, smoked: Smoked, shell: OneProcess
) -> None:
    """Every verb that model.json lists, by the command of its name, on three images and one that is
    damaged."""
    folder, _ = smoked(recipe)
    model = json.loads((folder / "model" / "model.json").read_text())
    images = folder.parent / "images"
    if not images.exists():
        images.mkdir()
        for shade in (40, 120, 200):
            Image.new("RGB", (20, 24), (shade, 90, 60)).save(images / f"{shade}.png")
        (images / "damaged.png").write_bytes((images / "40.png").read_bytes()[:40])
    for verb in model.get("verbs", ()):
        out = folder / (f"{verb}.csv" if verb == "recognise" else verb)
        if verb in ("sample", "decode"):
            words = ["sample", str(folder), "-n", "4", "--out", str(folder / "drawn.png")]
            words += ["--prior", str(_prior(folder, shell))] if verb == "decode" else []
        elif verb == "paint":
            words = ["paint", str(folder), "a black cat sits .", "--out", str(folder / "drawn.png")]
        else:
            command = ["translate", "--reverse"] if verb == "reverse" else [verb]
            words = [*command, str(folder), "--images", str(images), "--out", str(out)]
        done = shell.run([str(ROOT / "seqgan_kit" / "__main__.py"), *words])
        assert done.returncode == 0, done.stderr[-2000:]
        if verb not in ("sample", "decode", "paint"):
            made = (
                [path.name for path in out.iterdir()]
                if out.is_dir()
                else [line.partition(",")[0] for line in out.read_text().splitlines()[1:]]
            )
            assert sorted(made) == ["120.png", "200.png", "40.png"]
            assert "skipped 1 unreadable" in done.stderr
            strict = shell.run([str(ROOT / "seqgan_kit" / "__main__.py"), *words, "--strict"])
            assert strict.returncode == 2
            assert "cannot read the image" in strict.stderr


def _prior(folder: Path, shell: OneProcess) -> Path:
    """A text run on the codes of an image run."""
    prior = folder.parent / f"prior-of-{folder.name}"
    codes = ["--text", str(folder / "codes"), "--mle-epochs", "2"]
    done = shell.run([PATHS["mle"], "smoke", "--out", str(prior), *codes])
    assert done.returncode == 0, done.stderr[-2000:]
    return prior


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneProcess]:
    with OneProcess(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


@pytest.mark.parametrize("recipe", RECIPES)
def test_help_is_quick_to_read(recipe: str, shell: OneProcess) -> None:
    done = shell.run([PATHS[recipe], "--help"])
    assert done.returncode == 0, done.stderr[-2000:]
    for word in ("--out", "--seed", "--resume", "Presets", "smoke", "paper"):
        assert word in done.stdout, word
    assert "Annotated" not in done.stdout
    assert "dataclass" not in done.stdout


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "mle"])
def test_compare_counts_the_updates_of_every_method_that_it_takes(
    recipe: str, smoked: Smoked
) -> None:
    """Its rounds are known by the name of their phase."""
    try:
        make_plan(asked_arms([recipe], []), Path("out"), (0,), Budget(), preset="smoke")
    except UsageError:
        return
    run = ComparedRun(recipe, smoked(recipe)[0])
    assert run.updates == run.updates_per_round * run.settings["training"]["rounds"] > 0


def test_stacked_images_are_learnt_by_r3gan_and_its_ablation(
    tmp_path: Path, shell: OneProcess
) -> None:
    words = ["smoke", "--rules", "r3gan", "--network", "modern", "--r3gan.no-r2"]
    done = shell.run([PATHS["stacked_mnist"], *words, "--out", str(tmp_path / "run")])
    assert done.returncode == 0, done.stderr[-2000:]
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["rows"][0]["name"] == "R3GAN"
    rows = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    logged = {name for row in rows if row["kind"] == "train" for name in row["values"]}
    assert {"r1", "gamma"} <= logged
    assert "r2" not in logged


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["smok"], "unknown preset 'smok'. Did you mean 'smoke'?"),
        (["--resume", "nowhere"], "nowhere has no run to resume"),
        (["smoke", "--text", "nowhere.txt", "--out", "run"], "nowhere.txt"),
        (["smoke", "--rollouts", "-1", "--out", "run"], "rollouts is -1"),
        (["--config", "nowhere.yaml"], "the settings file nowhere.yaml does not exist"),
    ],
)
def test_mistakes_end_in_one_sentence(words: list[str], message: str, shell: OneProcess) -> None:
    done = shell.run([PATHS["seqgan"], *words])
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("extra", "message"), [([], "is not empty"), (["--overwrite"], "will not overwrite")]
)
def test_a_used_folder_is_not_overwritten_unasked(
    extra: list[str], message: str, tmp_path: Path, shell: OneProcess
) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work")
    done = shell.run([PATHS["mle"], "smoke", "--out", str(tmp_path), *extra])
    assert done.returncode == 2
    assert message in done.stderr
    assert thesis.read_text() == "years of work"


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_default_preset_evaluates_often_enough_for_a_curve(recipe: str) -> None:
    """About 20 times by itself, or at least 15 times by its own numbers."""
    config = load_recipe(Path(PATHS[recipe])).PRESETS["default"]
    told = getattr(config, "training", None) or config.method
    every = getattr(told, "evaluate_every_rounds", 0)
    assert every == 0 or told.rounds / every >= 15
