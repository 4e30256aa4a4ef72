"""Scores of autoencoders: the linear baseline, the rows of the table, the measures of an evaluation."""

from dataclasses import replace

import pytest
import torch
from conditional_players import corpus

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.rebuilding_scores import (
    RebuildingScorer,
    VariationalScorer,
    damaged_pairs,
    principal_rebuilding,
)
from image_gans.methods.translation import autoencoder, vae
from image_gans.networks.translators.code_networks import (
    CodeNetworks,
    build_autoencoder,
    build_variational_autoencoder,
)
from seqgan_kit.core.training.alarms import CollapsedPosterior
from seqgan_kit.data.images.image_config import ImageData

SETTINGS = PairScoreSettings(score_pairs=6, evaluation_pairs=4, features="none")
NETWORKS = CodeNetworks(latent=3, width=2)
COATS = {"coat": ("black", "white", "ginger")}


def faces():
    images = torch.randint(0, 256, (6, 3, 16, 16), dtype=torch.uint8)
    return replace(
        corpus(COATS), test=images, test_labels={"coat": torch.zeros(6, dtype=torch.long)}
    )


def test_principal_components_are_the_best_linear_code() -> None:
    """With as many components as the data have dimensions nothing is lost; with one, the rest."""
    base = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    images = (base @ torch.randn(2, 12)).view(40, 3, 2, 2) + 5
    assert torch.allclose(principal_rebuilding(images, images, 2), images, atol=1e-4)
    one = principal_rebuilding(images, images, 1)
    centred = images - images.mean(0)
    left = (images - one).square().sum() / centred.square().sum()
    singular = torch.linalg.svdvals(centred.flatten(1)).square()
    assert left.item() == pytest.approx((singular[1] / singular.sum()).item(), abs=1e-3)


def test_an_autoencoders_table_has_source_components_output_and_truth() -> None:
    data = ImageData(size=16)
    networks, method = build_autoencoder(NETWORKS, data), autoencoder.AutoencoderMethod("noise")
    game = autoencoder.build(*networks, method).eval()
    pairs = damaged_pairs(faces(), "noise")
    assert not torch.equal(pairs.test.sources, pairs.test.targets)
    scorer = RebuildingScorer(
        pairs, SETTINGS, "rebuild", ("encoder", "generator"), verbs=("rebuild",), dimensions=3
    )
    scorer.check(game)
    table = scorer.record("rows", {"it": game}, 0)
    names = [row["name"] for row in table["rows"]]
    assert names == ["source, untouched", "3 principal components", "it", "truth"]
    assert {"psnr", "ssim"} == scorer(game, torch.Generator()).keys()
    assert table["rows"][3]["values"] == {}


def test_a_vae_has_its_bounds_in_order_and_a_row_for_samples() -> None:
    data = ImageData(size=16)
    networks = build_variational_autoencoder(NETWORKS, data)
    game = vae.build(*networks, vae.VAEMethod()).eval()
    scorer = VariationalScorer(
        damaged_pairs(faces(), "none"), SETTINGS, "rebuild", ("encoder", "generator"),
        verbs=("rebuild", "sample"), dimensions=3,
    )  # fmt: skip
    table = scorer.record("rows", {"it": game}, 0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert list(rows)[-2:] == ["samples of it", "truth"]
    assert rows["it"]["elbo"] <= rows["it"]["iw_bound"]
    seen = scorer(game, torch.Generator())
    assert {"psnr", "ssim", "test_elbo", "codes_in_use"} == seen.keys()


def test_a_collapsed_posterior_raises_the_alarm_once() -> None:
    alarm, tally = CollapsedPosterior(), dict[str, int]()
    said = [alarm.check({"codes_in_use": used}, tally) for used in (3.0, 0.0, 0.0, 0.0, 2.0)]
    assert [bool(text) for text in said] == [False, False, True, False, False]
    assert "ignores the code" in str(said[2])
    assert alarm.check({"psnr": 1.0}, tally) is None
