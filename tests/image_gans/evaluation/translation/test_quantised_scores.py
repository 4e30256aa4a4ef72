"""The table and the code rows of a VQ-VAE."""

from pathlib import Path

import pytest
import torch

from image_gans.evaluation.translation.pair_scores import PairScoreSettings
from image_gans.evaluation.translation.quantised_scores import (
    QuantisedScorer,
    codes_of,
    perplexity,
)
from image_gans.evaluation.translation.rebuilding_scores import damaged_pairs
from image_gans.methods.translation.vqvae import QuantisedGame, VQVAEMethod, build
from image_gans.networks.translators.quantised_networks import (
    CodeMapNetworks,
    build_quantised_autoencoder,
)
from image_gans.networks.translators.vector_quantiser import QuantiserConfig
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float


def corpus() -> ImageCorpus:
    rng = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (12, 1, 16, 16), generator=rng, dtype=torch.uint8)
    return ImageCorpus(
        train=pictures[:8], test=pictures[8:], train_labels={}, test_labels={}, label_names={},
        train_captions=[], test_captions=[], account=ImageAccount(16, 1, {}, {}),
    )  # fmt: skip


@pytest.fixture
def game() -> QuantisedGame:
    torch.manual_seed(0)
    networks = build_quantised_autoencoder(
        CodeMapNetworks(4, 1),
        QuantiserConfig(codes=6, dimensions=2),
        ImageData(size=16, channels=1),
    )
    with torch.no_grad():  # codes in the range of the encoder's vectors, so that all are in use
        vectors = networks[0](to_float(corpus().train)).movedim(1, 3).flatten(0, 2)
    networks[1].vectors.copy_(vectors[:120:20])
    return build(*networks, VQVAEMethod()).eval()


def scorer() -> QuantisedScorer:
    settings = PairScoreSettings(score_pairs=4, evaluation_pairs=3, features="none")
    return QuantisedScorer(damaged_pairs(corpus(), "none"), settings, dimensions=2)


def test_the_export_writes_the_codes_of_every_image(game: QuantisedGame, tmp_path: Path) -> None:
    scorer().export(game, tmp_path / "model", {})
    for split, pictures in (("train", corpus().train), ("test", corpus().test)):
        lines = (tmp_path / "codes" / f"{split}.txt").read_text().splitlines()
        rows = [[int(word) for word in line.split()] for line in lines]
        assert rows == codes_of(game, pictures).flatten(1).tolist()
    assert len(set(map(tuple, rows))) > 1


def test_independent_codes_have_the_law_of_their_place(game: QuantisedGame) -> None:
    """Their images are decoded from codes that training images have at the same place."""
    shown = scorer().of_independent_codes(game, 40, seed=1)
    train = codes_of(game, corpus().train)
    chosen = torch.randint(8, (40, 4, 4), generator=torch.Generator().manual_seed(1))
    drawn = torch.stack(
        [train[chosen[:, row, column], row, column] for row in range(4) for column in range(4)], 1
    ).view(40, 4, 4)
    with torch.no_grad():
        wanted = game.players["generator"](game.quantiser.look_up(drawn))
    assert torch.allclose(shown, wanted, atol=1e-6)


def test_the_table_has_perplexity_and_a_row_of_independent_codes(game: QuantisedGame) -> None:
    table = scorer().record("faces", {"VQ-VAE": game}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert list(rows) == [
        "source, untouched", "2 principal components", "VQ-VAE", "independent codes", "truth",
    ]  # fmt: skip
    assert rows["VQ-VAE"]["perplexity"] == pytest.approx(perplexity(codes_of(game, corpus().test)))
    assert {"psnr", "perplexity"} <= {column["key"] for column in table["columns"]}
    assert scorer()(game, torch.Generator())["code_perplexity"] >= 1
