"""The table of a translator: source, baseline, output and truth, with errors inside and outside of the
mask."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from image_gans.evaluation.translation.pair_scores import PairScorer, PairScoreSettings
from image_gans.metrics.pair_quality import pair_quality
from image_gans.networks.translators.unet import UNet, UNetConfig
from seqgan_kit.core.game import Game
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import load_image_pairs
from seqgan_kit.errors import CheckpointError, UsageError

SETTINGS = PairScoreSettings(score_pairs=4, evaluation_pairs=3, features="none")
SCORED = PairScoreSettings(score_pairs=12, evaluation_pairs=3, features="random")


class Untouched(nn.Module):
    """A translator that returns its input."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.nothing


@pytest.fixture
def scorer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PairScorer:
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path))
    pairs = load_image_pairs(ImagePairData("catworld:glasses", size=16, world_pairs=72))
    return PairScorer(pairs, SETTINGS, baselines={"as it is": {"generator": "baseline"}})


def test_every_row_says_how_near_it_is_to_the_truth(scorer: PairScorer) -> None:
    game = Game({"generator": UNet(UNetConfig(16, 3, width=2)), "baseline": Untouched()}).eval()
    scorer.check(game)
    table = scorer.record("pairs", {"U-Net": game}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert list(rows) == ["source, untouched", "as it is", "U-Net", "truth"]
    assert rows["as it is"] == rows["source, untouched"]
    assert rows["truth"] == {}
    assert rows["as it is"]["error_outside"] == 0 < rows["as it is"]["error_inside"]
    assert rows["U-Net"]["error_outside"] > 1
    test = scorer.pairs.test
    wanted = pair_quality(to_float(test.sources[:4]), to_float(test.targets[:4]), test.masks[:4])  # type: ignore[index]
    assert {key: estimate.value for key, estimate in wanted.items()} == rows["as it is"]
    keys = [column["key"] for column in table["columns"]]
    assert keys == [
        "psnr", "ssim", "psnr_inside", "psnr_outside", "error_inside", "error_outside",
    ]  # fmt: skip


def test_grids_show_source_output_and_truth(scorer: PairScorer, tmp_path: Path) -> None:
    game = Game({"generator": UNet(UNetConfig(16, 3, width=2)), "baseline": Untouched()}).eval()
    scorer.draw_grid(game, torch.Generator(), tmp_path / "grid")
    assert (tmp_path / "grid.png").stat().st_size > 0


def test_a_translator_that_could_not_be_saved_is_refused_before_training(
    scorer: PairScorer,
) -> None:
    with pytest.raises(UsageError, match="which is no network of image_gans"):
        scorer.check(Game({"generator": Untouched()}))


def test_the_lpips_like_score_names_its_network(scorer: PairScorer) -> None:
    of_random = replace(scorer, settings=SCORED)
    game = Game({"generator": UNet(UNetConfig(16, 3, width=2)), "baseline": Untouched()}).eval()
    table = of_random.record("pairs", {"U-Net": game}, seed=0)
    (column,) = [column for column in table["columns"] if column["key"] == "lpips"]
    assert (column["label"], column["better"]) == ("LPIPS-like (random)", "lower")
    assert "network:random-" in column["signature"]
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert 0 < rows["as it is"]["lpips"] < rows["U-Net"]["lpips"]
    assert "lpips" not in rows["truth"]
    without = replace(of_random, settings=replace(SCORED, lpips="none"))
    keys = {c["key"] for c in without.record("pairs", {"U-Net": game}, seed=0)["columns"]}
    assert "fd" in keys
    assert "lpips" not in keys


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(SETTINGS, lpips_heads="w.pth"), "are weights for VGG-16, and --lpips is auto"),
        (replace(SETTINGS, lpips="vgg:none.pth"), "none.pth does not exist"),
        (replace(SETTINGS, lpips="other.safetensors"), "no recogniser at other.safetensors"),
    ],
)
def test_an_lpips_network_that_is_not_there_is_refused_before_training(
    scorer: PairScorer, settings: PairScoreSettings, message: str
) -> None:
    with pytest.raises((UsageError, CheckpointError), match=message):
        replace(scorer, settings=settings)
