"""The localized GAN: losses in closed form, tangents of a linear decoder, locality, and a saved model."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.evaluation.image_scores import ImageScoreSettings
from image_gans.evaluation.image_table import REAL
from image_gans.evaluation.local.tangent_scores import TangentScorer, TangentSettings
from image_gans.methods.local import localized_gan
from image_gans.methods.local.localized_gan import LocalGame, LocalizedMethod, orthonormality
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.local.local_generator import LocalShape, build_local_players, tangents
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import UsageError

PIXELS = torch.randint(0, 256, (12, 3, 16, 16), generator=torch.Generator().manual_seed(3))
IMAGES = PIXELS.to(torch.uint8)
REAL_IMAGES = to_float(IMAGES[:4])
CHOICE = NetworkChoice(width=2, latent=3, generator_norm="none", discriminator_norm="none")


def game(locality: str = "exact", choice: NetworkChoice = CHOICE, **method: object) -> LocalGame:
    torch.manual_seed(0)
    shape = LocalShape(locality, deviation=2.0, anchors=5)  # type: ignore[arg-type]
    players = build_local_players(choice, ImageData(size=16), shape, IMAGES)
    return localized_gan.build(*players, LocalizedMethod(**method))  # type: ignore[arg-type]


def move() -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(1))


class Linear(nn.Module):
    """A decoder from codes [N,3] to images by a matrix."""

    def __init__(self, matrix: Tensor):
        super().__init__()
        self.matrix = matrix

    def before_tanh(self, code: Tensor) -> Tensor:
        return (code @ self.matrix).view(-1, 3, 16, 16)


def test_tangents_of_a_linear_decoder_are_its_rows() -> None:
    generator = game().generator
    matrix = torch.linalg.qr(torch.randn(768, 3, generator=move().rng)).Q.T
    generator.decoder = Linear(matrix)
    chosen = torch.tensor([2, 0])
    found = tangents(generator, REAL_IMAGES, chosen, 0.5)
    torch.testing.assert_close(found, matrix[chosen].expand(4, -1, -1), atol=1e-5, rtol=0)
    found = found.detach()
    assert float(orthonormality(found, 1.0)) == pytest.approx(0, abs=1e-5)
    # |J J' - gamma I| = |1 - 1/4| on the diagonal, half of the entries.
    assert float(orthonormality(found, 0.25)) == pytest.approx(0.375, abs=1e-4)
    assert float(orthonormality(torch.ones(1, 2, 3), 1.0)) == pytest.approx((2 + 3 + 3 + 2) / 4)


def test_tangents_are_the_jacobian_of_the_generator() -> None:
    played = game("penalty").double()
    x = REAL_IMAGES[:1].double()

    def at(z: Tensor) -> Tensor:
        return played.generator.moved(x, z[None]).flatten()

    exact = torch.autograd.functional.jacobian(at, torch.zeros(3, dtype=torch.float64)).T  # type: ignore[no-untyped-call]
    found = tangents(played.float().generator, x.float(), torch.arange(3), 1e-4)[0]
    torch.testing.assert_close(found.double(), exact, atol=5e-3, rtol=0)


def test_exact_locality_holds_for_any_weights() -> None:
    played = game()
    z = torch.zeros(4, 3)
    assert torch.equal(played.generator.moved(REAL_IMAGES, z), REAL_IMAGES)
    assert not torch.equal(played.generator.moved(REAL_IMAGES, z + 1), REAL_IMAGES)
    assert not torch.equal(game("penalty").generator.moved(REAL_IMAGES, z), REAL_IMAGES)


@pytest.mark.parametrize("locality", ["exact", "penalty"])
def test_the_losses_are_those_of_the_equations(locality: str) -> None:
    weights = {"locality_weight": 3.0, "orthonormality_weight": 0.5, "at_zero_weight": 0.2}
    played = game(locality, directions=3, step=1e-2, **weights)
    generator, judge = played.generator, lambda x: played.discriminate(x).score
    fake = generator.moved(REAL_IMAGES, generator.coordinates(4, move().rng))
    rebuilt = generator.moved(REAL_IMAGES, torch.zeros(4, 3))
    at_zero = 0.2 if locality == "penalty" else 0.0
    wanted_d = (
        softplus(-judge(REAL_IMAGES)) + softplus(judge(fake)) + at_zero * softplus(judge(rebuilt))
    )
    d = played.discriminator_loss({"real": REAL_IMAGES}, move())
    torch.testing.assert_close(d.total, wanted_d.mean())
    apart = orthonormality(tangents(generator, REAL_IMAGES, torch.arange(3), 1e-2), 1.0)
    wanted = (
        softplus(-judge(fake)).mean() + at_zero * softplus(-judge(rebuilt)).mean() + 0.5 * apart
    )
    wanted = wanted + 3 * (rebuilt - REAL_IMAGES).abs().mean()
    g = played.generator_loss({"real": REAL_IMAGES}, move())
    torch.testing.assert_close(g.total, wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(g.logs["orthonormality"], apart, atol=1e-5, rtol=1e-4)


def test_orthonormality_can_be_learned() -> None:
    """The term alone brings J J' to the identity: from rank 1 to rank 3."""
    played = game(directions=3, step=1e-3)
    generator = played.generator
    optimizer = torch.optim.Adam(generator.parameters(), 2e-2)
    values = []
    for _ in range(30):
        found = tangents(generator, REAL_IMAGES, torch.arange(3), 1e-2)
        loss = orthonormality(found, 1.0)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.5 * values[0]


def test_a_saved_model_moves_its_anchors(tmp_path: Path) -> None:
    generator = game().generator.eval()
    assert torch.equal(generator.anchors[[0, -1]], IMAGES[[0, -1]])
    save_image_model(tmp_path / "model", generator)
    loaded = load_image_model(tmp_path)
    latents = loaded.latents(6, seed=2)  # type: ignore[union-attr]
    assert loaded.noise_dimensions == 3  # type: ignore[union-attr]
    torch.testing.assert_close(loaded.images(6, seed=2), generator(latents))
    still = loaded.images(6, seed=2, temperature=0.0)
    torch.testing.assert_close(still, latents[:, 3:].view(6, 3, 16, 16))
    anchors = to_float(generator.anchors)
    assert all(any(torch.equal(image, anchor) for anchor in anchors) for image in still)


def test_the_table_has_simple_tangents_beside_the_learned_ones() -> None:
    """Images outside the cat world have no true tangents; a linear decoder has the rank of its matrix."""
    played = game().eval()
    matrix = torch.eye(3, 768)
    matrix[2] = matrix[1]
    played.generator.decoder = Linear(matrix)
    corpus = ImageCorpus(IMAGES, IMAGES[:5], {}, {}, {}, [], [], ImageAccount(16, 3, {}, {}))
    scorer = TangentScorer(corpus, ImageScoreSettings(8, 4, "none"), tangents=TangentSettings(4))
    table = scorer.record("title", {"local": played}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert set(rows) == {"local", REAL, "random tangents", "local PCA", "PCA of all images"}
    # Squared singular values 1, 2 and 0.
    shares = torch.tensor([1 / 3, 2 / 3])
    assert rows["local"]["rank"] == pytest.approx(
        float(torch.special.entr(shares).sum().exp()), abs=1e-3
    )
    assert rows["random tangents"]["rank"] == pytest.approx(3)
    assert rows["local"]["locality"] == 0
    keys = {column["key"] for column in table["columns"]}
    assert {key for row in rows.values() for key in row} <= keys
    assert not any(key.startswith("angle") for key in keys)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (NetworkChoice("mlp"), "network is 'mlp'; a local generator has DCGAN's encoder"),
        (NetworkChoice(generator_norm="virtual"), "unknown norm of a local generator 'virtual'"),
    ],
)
def test_networks_that_cannot_move_images(choice: NetworkChoice, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_local_players(choice, ImageData(size=16), LocalShape(), IMAGES)
