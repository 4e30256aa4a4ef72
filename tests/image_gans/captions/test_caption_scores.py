"""The table of a model of captions: which images and captions each row compares."""

import pytest
import torch
from torch import Tensor

from image_gans.evaluation.captions import caption_scores
from image_gans.evaluation.captions.caption_scores import MISMATCHED, SKETCHES, CaptionScorer
from image_gans.evaluation.captions.caption_truth import Agreement
from image_gans.evaluation.image_scores import ImageScoreSettings
from image_gans.evaluation.image_table import REAL
from image_gans.methods.captions.stackgan import CaptionGame, StackGANMethod, build
from image_gans.networks.captions.caption_discriminator import CaptionJudgeShape
from image_gans.networks.captions.caption_encoder import CaptionEncoderShape
from image_gans.networks.captions.caption_players import build_caption_players
from image_gans.networks.captions.caption_refiner import RefinementShape
from image_gans.networks.choice import NetworkChoice
from seqgan_kit.data.images.captioned import CaptionedImages, captioned
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.load_images import ImageData
from seqgan_kit.metrics.statistics.divergences import Estimate

CAPTIONS = [
    f"cat number {word}"
    for word in ["one", "two", "three", "four", "five", "six", "seven", "eight"]
]


def corpus() -> CaptionedImages:
    """Images whose brightness is the number of their caption."""
    shades = torch.arange(8, dtype=torch.uint8).view(8, 1, 1, 1) * 30
    images = shades.expand(8, 3, 32, 32).contiguous()
    return captioned(
        ImageCorpus(images, images, {}, {}, {}, CAPTIONS, CAPTIONS, ImageAccount(32, 3, {}, {}))
    )


def game(told: CaptionedImages) -> CaptionGame:
    torch.manual_seed(0)
    shapes = CaptionEncoderShape(4, 3, 3, 2), CaptionJudgeShape(2, 3), RefinementShape(2, 2, 1, 0)
    choice = NetworkChoice(width=2, latent=3)
    players = build_caption_players(choice, ImageData(size=32), told, *shapes)
    return build(told, players, StackGANMethod()).eval()  # type: ignore[return-value]


def test_each_row_compares_its_images_with_their_captions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recogniser that reads the number off real images: 1 for their captions, 0 for those of others."""

    def shown(self: CaptionScorer, images: Tensor, captions: list[str]) -> Agreement:
        numbers = ((images.mean((1, 2, 3)) + 1) * 127.5 / 30).round().tolist()
        hits = [CAPTIONS[int(n)] == c for n, c in zip(numbers, captions, strict=True) if n < 8]
        share = Estimate(sum(hits) / len(captions), 0.1)
        return Agreement({"coat": share}, share, share, 1.0)

    monkeypatch.setattr(CaptionScorer, "shown", shown)
    monkeypatch.setattr(caption_scores, "_SAME", 2)
    told = corpus()
    scorer = CaptionScorer(told.corpus, ImageScoreSettings(8, 4, "none"), captioned=told)
    table = scorer.record("title", {"painter": game(told)}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert list(rows) == ["painter", REAL, MISMATCHED, SKETCHES]
    assert rows[REAL]["facts"] == rows[REAL]["whole"] == 1
    assert rows[MISMATCHED] == {"facts": 0, "whole": 0}
    assert rows["painter"]["caption_diversity"] > 0
    assert rows[SKETCHES].keys() >= {"facts", "whole"}
    assert {column["key"] for column in table["columns"]} >= {"facts", "whole", "diversity"}


def test_sketches_are_those_of_stage_one() -> None:
    told = corpus()
    played = game(told)
    scorer = CaptionScorer(told.corpus, ImageScoreSettings(8, 4, "none"), captioned=told)
    sketches = scorer.sketches(played, CAPTIONS[:2], seed=1)
    assert sketches.shape == (2, 3, 32, 32)
    with torch.no_grad():
        played.players["generator"].decode[-1].bias.add_(1.0)  # type: ignore[union-attr,index]
    assert torch.equal(sketches, scorer.sketches(played, CAPTIONS[:2], seed=1))
    with torch.no_grad():
        played.players["sketcher"].inner.layers[-1].bias.add_(1.0)  # type: ignore[union-attr,index]
    assert not torch.equal(sketches, scorer.sketches(played, CAPTIONS[:2], seed=1))
