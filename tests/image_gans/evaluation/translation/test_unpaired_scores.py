"""Translators there and back: the table has both directions, and the baseline has the targets' colours."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_parts import ImageParts
from image_gans.evaluation.translation.colour_matching import (
    ColourStatistics,
    with_matched_colours,
)
from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.unpaired_scores import UnpairedScorer
from image_gans.metrics.pair_quality import pair_quality
from image_gans.networks.translators.residual_translator import (
    ResidualTranslator,
    ResidualTranslatorConfig,
)
from image_gans.networks.translators.unet import UNet, UNetConfig
from seqgan_kit.cli.main import main
from seqgan_kit.core.game import Game
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import ImagePairs, load_image_pairs
from seqgan_kit.data.pairs.world_pairs import PairSplit
from seqgan_kit.errors import UsageError

SETTINGS = PairScoreSettings(score_pairs=4, evaluation_pairs=3, features="none")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> ImagePairs:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGAN_KIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        return load_image_pairs(ImagePairData("catworld:coat=ginger", size=16, world_pairs=24))


def translator(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return ResidualTranslator(ResidualTranslatorConfig(16, 3, width=2, blocks=1))


def test_the_table_has_both_directions_and_the_cycle(pairs: ImagePairs) -> None:
    there, back = translator(0), translator(1)
    game, scorer = (
        Game({"generator": there, "inverse": back}).eval(),
        UnpairedScorer(pairs, SETTINGS),
    )
    scorer.check(game)
    table = scorer.record("pairs", {"both": game}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert list(rows) == ["source, untouched", "colours matched", "both", "truth"]
    x, y = to_float(pairs.test.sources[:4]), to_float(pairs.test.targets[:4])
    with torch.no_grad():
        returned, cycle = back(y), back(there(x))
    assert rows["both"]["psnr_back"] == pytest.approx(pair_quality(returned, x)["psnr"].value)
    assert rows["both"]["psnr_cycle"] == pytest.approx(pair_quality(cycle, x)["psnr"].value)
    assert rows["source, untouched"]["psnr_back"] == rows["source, untouched"]["psnr"]
    assert "psnr_back" not in rows["truth"]
    assert {"psnr_back", "ssim_back", "psnr_cycle"} <= {c["key"] for c in table["columns"]}


def test_the_baseline_reads_the_halves_that_the_translators_see(pairs: ImagePairs) -> None:
    scorer = UnpairedScorer(pairs, SETTINGS)
    own, wanted = scorer._statistics
    half = len(pairs.train) // 2
    assert torch.equal(own.mean, to_float(pairs.train.sources[:half]).double().mean((0, 2, 3)))
    assert torch.equal(wanted.mean, to_float(pairs.train.targets[half:]).double().mean((0, 2, 3)))


def test_matched_colours_have_the_wanted_mean_and_covariance() -> None:
    rng = torch.Generator().manual_seed(0)
    mix = torch.randn(3, 3, generator=rng, dtype=torch.float64) * 0.1
    x = torch.einsum("cd,ndhw->nchw", mix, torch.randn(8, 3, 5, 5, generator=rng).double())
    y = 0.1 + 0.1 * torch.randn(8, 3, 5, 5, generator=rng).double()
    own, wanted = ColourStatistics.of(x), ColourStatistics.of(y)
    found = ColourStatistics.of(with_matched_colours(x, own, wanted))
    assert torch.allclose(found.mean, wanted.mean, atol=1e-6)
    assert torch.allclose(found.covariance, wanted.covariance, atol=1e-6)
    assert torch.allclose(with_matched_colours(x, own, own), x, atol=1e-6)
    grey = 0.5 * x[:, :1]
    twice = with_matched_colours(
        grey, ColourStatistics.of(grey), ColourStatistics.of(2 * grey - 0.1)
    )
    assert torch.allclose(twice, 2 * grey - 0.1, atol=1e-5)


def test_the_way_back_is_saved_and_a_model_without_one_says_so(
    tmp_path: Path, pairs: ImagePairs, capsys: pytest.CaptureFixture[str]
) -> None:
    there, back = translator(0).eval(), translator(1).eval()
    scorer = UnpairedScorer(pairs, SETTINGS)
    scorer.export(Game({"generator": there, "inverse": back}), tmp_path / "model", {})
    model, x = load_image_model(tmp_path), torch.rand(2, 3, 16, 16)
    assert isinstance(model, ImageParts)
    assert torch.equal(model.translate(x), there(x))
    assert torch.equal(model.reverse(x), back(x))

    from image_gans.evaluation.image_parts import save_image_parts

    one_way = tmp_path / "one"
    save_image_parts(
        one_way / "model", {"generator": UNet(UNetConfig(16, 3, width=2))}, ("translate",)
    )
    with pytest.raises(UsageError, match="cannot reverse; it can translate"):
        load_image_model(one_way).reverse(x)  # type: ignore[union-attr]
    words = ["translate", str(one_way), "--images", str(tmp_path), "--out", str(tmp_path / "o")]
    assert main([*words, "--reverse"]) == 2
    assert "cannot reverse; it can translate" in capsys.readouterr().err


def test_without_known_pairs_no_output_is_compared_with_a_target(
    pairs: ImagePairs, tmp_path: Path
) -> None:
    test = pairs.test
    few = PairSplit(test.sources[:3], test.targets)
    sets = ImagePairs(pairs.train, few, {}, None, (), matched=False)
    game = Game({"generator": translator(0), "inverse": translator(1)}).eval()
    scorer = UnpairedScorer(sets, SETTINGS)
    assert set(scorer(game, torch.Generator())) == {"psnr_cycle"}
    table = scorer.record("sets", {"both": game}, seed=0)
    keys = {key for row in table["rows"] for key in row["values"]}
    assert keys == {"psnr_cycle"} == {column["key"] for column in table["columns"]}
    scorer.draw_grid(game, torch.Generator(), tmp_path / "grid")
    assert (tmp_path / "grid.png").stat().st_size > 0
    log = SimpleNamespace(figure_path=lambda name: tmp_path / "figures" / name)
    scorer.draw_figures(SimpleNamespace(log=log), game)  # type: ignore[arg-type]
    drawn = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert drawn == ["back.png", "pairs.png"]
