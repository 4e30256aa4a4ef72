"""A classifier trained on each row's images, on real ones."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.refining_scores import ClassifierSettings, RefiningScorer
from seqgan_kit.core.game import Game
from seqgan_kit.data.pairs.image_pairs import ImagePairs
from seqgan_kit.data.pairs.world_pairs import PairSplit

NAMES = {"side": ("left", "right")}


class Negative(nn.Module):
    """A translator that turns black into white."""

    def __init__(self, sign: float):
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(sign))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.sign


def split(count: int, seed: int) -> PairSplit:
    """A bar on the left or on the right: white on black as simulated, black on white as real."""
    rng = torch.Generator().manual_seed(seed)
    sides = torch.randint(0, 2, (count,), generator=rng)
    images = torch.randint(0, 40, (count, 1, 16, 16), generator=rng, dtype=torch.uint8)
    for image, side in zip(images, sides.tolist(), strict=True):
        image[:, :, 2 + 8 * side : 6 + 8 * side] += 200
    return PairSplit(images, 255 - images, None, {"side": sides})


@pytest.fixture
def scorer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RefiningScorer:
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path))
    pairs = ImagePairs(split(80, 0), split(40, 1), NAMES, None, ())
    settings = PairScoreSettings(score_pairs=8, evaluation_pairs=4, features="none")
    return RefiningScorer(pairs, settings, classifier=ClassifierSettings(20))


def test_a_good_refiner_trains_a_classifier_of_real_images(scorer: RefiningScorer) -> None:
    games = {
        "good": Game({"generator": Negative(-1.0)}),
        "idle": Game({"generator": Negative(1.0)}),
    }
    table = scorer.record("refined", games, seed=0)
    rows = {row["name"]: row["values"]["trained"] for row in table["rows"]}
    assert list(rows) == ["source, untouched", "colours matched", "good", "idle", "truth"]
    assert rows["truth"] > 0.95
    assert rows["good"] > 0.95 > rows["idle"]
    assert rows["idle"] == rows["source, untouched"]
    assert table["columns"][0]["key"] == "trained"


def test_without_labels_there_is_no_such_column(scorer: RefiningScorer) -> None:
    for half in (scorer.pairs.train, scorer.pairs.test):
        half.labels.clear()  # type: ignore[attr-defined]
    table = scorer.record("refined", {"idle": Game({"generator": Negative(1.0)})}, seed=0)
    assert all("trained" not in row["values"] for row in table["rows"])
