"""``run image``: what is chosen for which data and time, its sentences, and mistakes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from image_gans import recommended
from image_gans.recommended import FEWEST, recommend, recommended_command, side_for
from seqgan_kit.cli import recipe_commands
from seqgan_kit.core.runs.launch import parse
from seqgan_kit.errors import DataError, UsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for i in range(160):
        pixels = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("smallest", "seconds", "budget", "side"),
    [
        (500, 0.1, 10_000, 256),  # 1,500 rounds of 64 x 0.1 s are 9,600 s
        (500, 0.1, 9_000, 128),
        (500, 0.1, 700, 64),
        (100, 0.1, 10_000, 64),  # larger ones would be enlarged
        (500, 0.1, 1, 32),  # short of time, but faces need 32 pixels
        (20, 0.1, 1, 16),
    ],
)
def test_the_side_is_what_data_and_time_allow(smallest, seconds, budget, side):
    assert side_for(smallest, seconds, budget) == side


def test_few_images_are_augmented_and_many_are_not():
    few = recommend("DIR", 500, 64, 32, 0.1, 10)
    assert few.flags[few.flags.index("--augmentation") + 1] == "ada"
    # 10 minutes: 5,100 rounds of 32 images, a tenth of which moves the probability to 1.
    assert few.flags[few.flags.index("--ada-images") + 1] == "16320"
    assert few.flags[few.flags.index("--epochs") + 1] == "326.4"
    many = recommend("DIR", 50_000, 64, 32, 0.1, 10)
    assert many.flags[many.flags.index("--augmentation") + 1] == "none"
    assert "--ada-images" not in many.flags
    assert not any("short" in reason for reason in many.reasons)
    assert "--minutes 3" in recommend("DIR", 500, 64, 32, 0.1, 1).reasons[-1]


def test_the_command_is_one_that_the_recipe_takes(photos, monkeypatch, capsys):
    monkeypatch.setattr(recommended, "seconds_of_round", lambda side, channels: 0.1)
    recipe, words = recommended_command(
        ["--images", str(photos), "--minutes", "1", "--seed", "3", "--threads", "1"]
    )
    module = recipe_commands.load_recipe(ROOT / "recipes" / f"{recipe}.py")
    config = parse(module.PRESETS, words, module.__doc__)
    assert (config.data.size, config.run.seed, config.techniques.augmentation) == (32, 3, "ada")
    assert (config.networks.network, config.run.threads) == ("style", 1)
    told = capsys.readouterr().out
    assert f"seqgan-kit run {recipe} --images {photos} --size 32" in told
    assert "510 rounds of 32 images" in told
    assert recommended_command(["--images", str(photos), "--dry-run"])[0] == ""


def test_a_round_is_measured():
    assert 0 < recommended.seconds_of_round(16, 1) < 60


def test_the_command_line_runs_what_is_recommended(monkeypatch):
    point = SimpleNamespace(load=lambda: lambda words: ("stylegan2", ["smoke", *words]))
    monkeypatch.setattr(
        recipe_commands,
        "entry_points",
        lambda group, name: (
            [point] if (group, name) == ("seqgan_kit.recommenders", "image") else []
        ),
    )
    ran = []
    monkeypatch.setattr(recipe_commands, "_run_as_script", lambda *given: ran.append(given))
    recipe_commands._run_run(SimpleNamespace(recipe="image", rest=["--seed", "1"]))
    assert ran == [
        (ROOT / "recipes" / "stylegan2.py", "seqgan-kit run stylegan2", ["smoke", "--seed", "1"])
    ]
    assert recipe_commands.recommended("dcgan", ["smoke"]) == ("dcgan", ["smoke"])


def test_mistakes_are_told(photos):
    with pytest.raises(DataError, match=f"100 training images.*needs {FEWEST} or more"):
        recommend("DIR", 100, 64, 32, 0.1, 10)
    for words, why in (
        ([], "run image: the following arguments are required: --images"),
        (["--images", str(photos), "--minutes", "0"], "--minutes 0: must be above 0"),
        (["--images", str(photos), "--minutes", "x"], "invalid float value: 'x'"),
    ):
        with pytest.raises(UsageError, match=why):
            recommended_command(words)
    with pytest.raises(DataError, match="nowhere"):
        recommended_command(["--images", "nowhere"])
