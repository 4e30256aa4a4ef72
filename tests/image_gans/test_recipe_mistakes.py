"""A user's mistakes with image recipes are reported before training."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqgan_kit.core.runs.launch import parse
from seqgan_kit.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ("gan", "dcgan", "wgan", "wgan_gp", "lsgan", "relativistic")


def drawn(folder: Path, number: int) -> Path:
    """A folder with this number of noise images."""
    rng = np.random.default_rng(0)
    for i in range(number):
        pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return drawn(tmp_path_factory.mktemp("photos"), 12)


@pytest.fixture(scope="module")
def enough_photos(tmp_path_factory):
    """As many as fill a batch."""
    return drawn(tmp_path_factory.mktemp("enough"), 24)


def start(recipe: str, photos: Path, tmp_path: Path, *words: str) -> None:
    """Runs a recipe's main in this process, with its smoke preset."""
    where = (
        "--images",
        str(photos),
        "--out",
        str(tmp_path / "run"),
        "--quiet",
        "--features",
        "none",
    )
    name = f"recipe_{recipe}"
    spec = importlib.util.spec_from_file_location(name, ROOT / "recipes" / f"{recipe}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # tyro reads the help texts in the source of the settings' classes
    try:
        spec.loader.exec_module(module)
        cfg = parse(module.PRESETS, ["smoke", *where, *words], "")
    finally:
        del sys.modules[name]
    module.main(cfg)


@pytest.fixture(autouse=True)
def _nothing_is_trained(monkeypatch):
    def fit(trainer):
        raise AssertionError("training began")

    monkeypatch.setattr("seqgan_kit.core.training.trainer.Trainer.fit", fit)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_batch_larger_than_the_data(recipe, photos, tmp_path):
    message = (
        r"a batch of 64 .* it has 1\d rows\. Use a batch size \(--batch-size\) between 1 and 1\d"
    )
    with pytest.raises(UsageError, match=message):
        start(recipe, photos, tmp_path, "--batch-size", "64")


@pytest.mark.parametrize("recipe", [name for name in RECIPES if name != "gan"])
def test_a_size_that_the_network_cannot_make(recipe, enough_photos, tmp_path):
    with pytest.raises(UsageError, match=r"size cannot be 20\. Allowed: 16, 32, 64, 128, 256"):
        start(recipe, enough_photos, tmp_path, "--size", "20")


@pytest.mark.parametrize(
    ("recipe", "words", "message"),
    [
        ("wgan_gp", "--discriminator-norm batch", "needs a discriminator without batch normalis"),
        ("wgan_gp", "--discriminator-norm auto", "Use layer or instance normalisation, or none"),
        ("lsgan", "--pieces 5", "pieces is 5, which the network 'dcgan' does not use"),
        ("dcgan", "--packing 3", "a batch of 16 does not divide into packs of 3"),
        ("lsgan", "--real-target 0", "both 0, but must differ"),
        ("gan", "--network dcgan --size 40", "size cannot be 40"),
        ("gan", "--label-smoothing 1", "label_smoothing is 1.0; it must be 0 or more and below 1"),
        ("relativistic", "--compared-with pairs --packing 2", "packs have no such partner"),
    ],
)
def test_choices_that_do_not_go_together(recipe, words, message, enough_photos, tmp_path):
    with pytest.raises(UsageError, match=message):
        start(recipe, enough_photos, tmp_path, *words.split())


def test_without_a_mistake_training_begins(photos, tmp_path):
    with pytest.raises(AssertionError, match="training began"):
        start("gan", photos, tmp_path, "--size", "20", "--batch-size", "4", "--channels", "1")
