"""Figures and scores of the recipes: the right images, and equal results for equal seeds."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from image_gans.evaluation.image_scores import ImageScorer, ImageScoreSettings
from image_gans.methods.dcgan import DCGANMethod, build
from image_gans.metrics import comparison
from image_gans.metrics.diversity import diversity
from image_gans.metrics.trained_recogniser import RecognitionTraining, recogniser_of
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator, dcgan_discriminator
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import CheckpointError, DataError, UsageError


@dataclass(frozen=True)
class Config:
    run: RunSettings


@pytest.fixture
def scorer() -> ImageScorer:
    """A hundred images sorted from black to white."""
    shades = torch.linspace(0, 255, 100).to(torch.uint8)
    train = shades.view(-1, 1, 1, 1).expand(100, 3, 16, 16).contiguous()
    corpus = ImageCorpus(train, train[:0], {}, {}, {}, [], [], ImageAccount(16, 3, {}, {}))
    return ImageScorer(corpus, ImageScoreSettings(score_samples=50, evaluation_samples=150))


@pytest.fixture
def game() -> AdversarialGame:
    torch.manual_seed(0)
    shape = DCGANConfig(size=16, width=2, latent=5)
    game = build(DCGANGenerator(shape), dcgan_discriminator(shape), DCGANMethod())
    game.eval()
    return game


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_evaluation_is_the_diversity_of_that_many_samples(scorer, game):
    values = scorer(game, torch.Generator().manual_seed(1))
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():  # in two pieces, as no more than 128 are drawn at a time
        pictures = torch.cat([game.sample(128, rng=rng), game.sample(22, rng=rng)])
    assert values == {"diversity": pytest.approx(diversity(pictures))}


def test_what_is_beyond_the_range_is_no_diversity(scorer, game, monkeypatch):
    rng = torch.Generator().manual_seed(1)
    sample = game.sample
    monkeypatch.setattr(game, "sample", lambda n, rng: 100 * sample(n, rng=rng).sign())
    assert 1.0 < scorer(game, rng)["diversity"] <= 2.0


def test_real_diversity_does_not_fall_for_sorted_data(scorer):
    """Half of the shades, from everywhere: a third of the range apart in the mean."""
    assert scorer.real_diversity() == pytest.approx(2 / 3, rel=0.05)
    assert scorer.real_diversity() == pytest.approx(
        diversity(to_float(scorer.corpus.train)), rel=0.03
    )


def test_figures_are_written_and_follow_the_seed(scorer, game, tmp_path):
    seen = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        settings = RunSettings(out=tmp_path / name, seed=seed, quiet=True, device="cpu")
        with open_run("dcgan", Config(settings)) as run:
            scorer.draw_figures(run, game)
        figures = tmp_path / name / "figures"
        seen.append({path.name: pixels(path) for path in figures.iterdir()})
    assert set(seen[0]) == {"grid.png", "interpolation.png", "real.png"}
    # Images of 16 pixels are shown six times as large, 2 pixels apart.
    assert seen[0]["grid.png"].shape == (8 * 98 + 2, 8 * 98 + 2, 3)
    assert seen[0]["interpolation.png"].shape == (6 * 98 + 2, 9 * 98 + 2, 3)
    for name in ("grid.png", "interpolation.png"):
        assert (seen[0][name] == seen[1][name]).all()
        assert (seen[0][name] != seen[2][name]).any()
    assert seen[0]["real.png"][50, 50].tolist() == [0, 0, 0]
    assert seen[0]["real.png"][-50, -50].tolist() == [255, 255, 255]


def test_samples_during_the_run_show_the_same_latents_every_time(scorer, game, tmp_path):
    for name in ("000001", "000002"):
        scorer.draw_grid(game, torch.Generator().manual_seed(7), tmp_path / name)
    first, second = (pixels(tmp_path / f"00000{i}.png") for i in (1, 2))
    assert (first == second).all()


def test_the_table_has_real_data_beside_the_game(scorer, game):
    record = scorer.record("title", {"DCGAN": game}, seed=0)
    assert [row["name"] for row in record["rows"]] == ["DCGAN", "real data"]
    assert record["rows"][1]["values"]["diversity"] == pytest.approx(scorer.real_diversity())
    columns = {column["key"]: column for column in record["columns"]}
    assert columns["diversity"]["signature"] == "mean-pairwise-rms|range:-1..1|hyps:50|real:50"
    assert set(columns) == {key for row in record["rows"] for key in row["values"]}


def test_a_large_image_has_a_distance_for_each_level():
    noise = torch.randint(0, 256, (40, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    images = noise.to(torch.uint8)
    corpus = ImageCorpus(images, images[:9], {}, {}, {}, [], [], ImageAccount(32, 1, {}, {}))
    scorer = ImageScorer(corpus, ImageScoreSettings(score_samples=9, features="none"))
    shape = DCGANConfig(size=32, channels=1, width=1, latent=2)
    game = build(DCGANGenerator(shape), dcgan_discriminator(shape), DCGANMethod())
    record = scorer.record("title", {"DCGAN": game.eval()}, seed=0)
    keys = [column["key"] for column in record["columns"]]
    assert keys == ["swd", "swd_32", "swd_16", "ms_ssim", "diversity"]
    assert "patches:10" in record["columns"][2]["signature"].split("|")
    for values in (row["values"] for row in record["rows"]):
        assert values["swd"] == pytest.approx((values["swd_32"] + values["swd_16"]) / 2)


def test_real_data_is_the_floor_of_every_distance(game):
    """Held-out images of the training images' law, against an untrained generator."""
    rng = torch.Generator().manual_seed(0)
    noise = torch.randint(100, 156, (300, 3, 16, 16), dtype=torch.uint8, generator=rng)
    corpus = ImageCorpus(noise[:200], noise[200:], {}, {}, {}, [], [], ImageAccount(16, 3, {}, {}))
    scorer = ImageScorer(corpus, ImageScoreSettings(score_samples=150))
    record = scorer.record("title", {"DCGAN": game}, seed=0)
    of_game, floor = (row["values"] for row in record["rows"])
    assert floor["fd"] < 0.1 * of_game["fd"]
    assert floor["swd"] < of_game["swd"]
    assert (of_game["precision"], of_game["coverage"], of_game["two_sample"]) == (0, 0, 1)
    assert floor["precision"] > 0.5
    assert floor["near_copies"] == pytest.approx(0.05, abs=0.02)
    assert abs(floor["two_sample"] - 0.5) < 0.25
    columns = {column["key"]: column for column in record["columns"]}
    name = scorer.comparison.extractor.label
    assert columns["fd"]["label"] == f"FD[{name}]"
    for part in (f"net:{name}", "px:16x16x3", "uint8", "refs:train-200", "hyps:100", "seed:0"):
        assert part in columns["fd"]["signature"].split("|")
    assert set(record["rows"][0]["errors"]) == set(of_game) - {"diversity"}
    assert record == scorer.record("title", {"DCGAN": game}, seed=0)


def test_without_features_there_are_no_distances_over_them(scorer, game):
    plain = ImageScorer(scorer.corpus, ImageScoreSettings(50, features="none"))
    values = plain.record("title", {"DCGAN": game}, seed=0)["rows"][0]["values"]
    assert set(values) == {"diversity", "ms_ssim", "swd"}


def test_features_that_cannot_be_had_are_refused_before_the_run(scorer, tmp_path):
    for features, error, message in (
        ("classifier", DataError, "need labels with several images a class"),
        (str(tmp_path / "none.safetensors"), CheckpointError, "there is no such file"),
    ):
        with pytest.raises(error, match=message):
            ImageScorer(scorer.corpus, ImageScoreSettings(features=features))


def test_attributes_are_scored_by_the_classifier_of_the_features(game, tmp_path, monkeypatch):
    """Halves of black and white: the classifier is trained once, and its file serves as well."""
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path))
    shade = torch.arange(80) % 2
    train = (shade * 255).to(torch.uint8).view(-1, 1, 1, 1).repeat(1, 3, 16, 16)
    names = {"shade": ("black", "white")}
    corpus = ImageCorpus(
        train[:60], train[60:], {"shade": shade[:60]}, {"shade": shade[60:]}, names, [], [],
        ImageAccount(16, 3, {}, {}),
    )  # fmt: skip
    quick = RecognitionTraining(width=2, steps=20, batch_size=20)
    trained = partial(recogniser_of, training=quick)
    monkeypatch.setattr(comparison, "recogniser_of", trained)
    record = ImageScorer(corpus, ImageScoreSettings(40, features="classifier")).record(
        "t", {}, seed=0
    )
    floor = record["rows"][0]["values"]
    assert floor["attribute_tv"] == pytest.approx(0, abs=0.06)
    assert "odd_eyes" not in floor
    assert any("accuracy on test images: shade 100%" in note for note in record["notes"])
    assert any("Attributes of real data" in note for note in record["notes"])
    (path,) = tmp_path.iterdir()
    again = ImageScorer(corpus, ImageScoreSettings(40, features=str(path))).record("t", {}, seed=0)
    assert again == record


def test_settings_that_score_nothing():
    with pytest.raises(UsageError, match="score_samples is 1; it must be at least 2"):
        ImageScoreSettings(score_samples=1)
