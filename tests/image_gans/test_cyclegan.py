"""CycleGAN's losses in closed form: translators that shift all pixels, discriminators that score the mean.

G(x) = x + a,  F(y) = y - b,  D(x) = mean of x:    F(G(x)) - x = G(F(y)) - y = a - b
"""

import pytest
import torch
from torch import Tensor, nn

from image_gans.methods.translation.cyclegan import CycleGame, CycleGANMethod, build
from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.core.game import Move

A, B = 0.3, 0.1


class Shift(nn.Module):
    def __init__(self, by: float):
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.by


class MeanScore(Discriminator):
    """The mean of an image as its score."""

    def __init__(self) -> None:
        super().__init__(nn.Identity(), 1, score=nn.Identity())

    def forward(self, x: Tensor) -> Critique:
        mean = x.flatten(1).mean(1)
        return Critique(mean, mean[:, None], {})


def game(**settings: float) -> CycleGame:
    method = CycleGANMethod(**settings)  # type: ignore[arg-type]
    return build((Shift(A), Shift(-B)), (MeanScore(), MeanScore()), method, (1, 2, 2)).double()


def move(seed: int = 0) -> Move:
    return Move("translation", 0, 1, torch.Generator().manual_seed(seed))


def images(mean: float, n: int = 3) -> Tensor:
    return torch.full((n, 1, 2, 2), mean, dtype=torch.float64)


BATCH = {"source": images(0.2), "real": images(-0.5)}


def test_the_translators_loss_is_the_papers() -> None:
    loss = game(cycle_weight=10.0, identity_weight=5.0).translators_loss(BATCH, move())
    adversarial = (0.2 + A - 1) ** 2 + (-0.5 - B - 1) ** 2
    wanted = adversarial + 10 * 2 * abs(A - B) + 5 * (A + B)
    assert loss.total.item() == pytest.approx(wanted, abs=1e-12)
    assert loss.logs["cycle_distance"].item() == pytest.approx(2 * (A - B), abs=1e-12)


def test_without_its_weight_the_identity_costs_nothing() -> None:
    loss = game(identity_weight=0.0).translators_loss(BATCH, move())
    assert "identity_distance" not in loss.logs
    whole = game().translators_loss(BATCH, move())
    assert (whole.total - loss.total).item() == pytest.approx(5 * (A + B), abs=1e-12)


def test_the_discriminators_loss_is_least_squares_on_each_set() -> None:
    loss = game().discriminators_loss(BATCH, move())
    of_targets = 0.5 * (-0.5 - 1) ** 2 + 0.5 * (0.2 + A) ** 2
    of_sources = 0.5 * (0.2 - 1) ** 2 + 0.5 * (-0.5 - B) ** 2
    assert loss.total.item() == pytest.approx(of_targets + of_sources, abs=1e-12)
    assert loss.logs["source_discriminator_loss"].item() == pytest.approx(of_sources, abs=1e-12)


def test_discriminators_see_translations_of_earlier_batches() -> None:
    """A history of two images, full of translations of -1, makes half of D's next batch of two."""
    played = game(history=2)
    early = {"source": images(-1.0, 2), "real": images(0.0, 2)}
    played.discriminators_loss(early, move())
    late = {"source": images(1.0, 2), "real": images(0.0, 2)}
    loss = played.discriminators_loss(late, move())
    fakes = 0.5 * ((-1.0 + A) ** 2 + (1.0 + A) ** 2) / 2
    of_targets = 0.5 * 1.0 + fakes
    assert loss.logs["discriminator_loss"].item() == pytest.approx(of_targets, abs=1e-6)


def test_no_loss_knows_which_target_belongs_to_a_source() -> None:
    source = torch.randn(4, 1, 2, 2, dtype=torch.float64)
    target = torch.randn(4, 1, 2, 2, dtype=torch.float64)
    for name in ("translators_loss", "discriminators_loss"):
        losses = [
            game().loss(name, {"source": source, "real": target[order]}, move()).total
            for order in ([0, 1, 2, 3], [2, 0, 3, 1])
        ]
        assert torch.allclose(*losses, atol=1e-12)


def test_both_translators_learn_from_the_cycle_alone() -> None:
    played = game(identity_weight=0.0, cycle_weight=1e6)
    played.translators_loss(BATCH, move()).total.backward()
    there, back = played.players["generator"], played.players["inverse"]
    assert there.by.grad.item() == pytest.approx(2e6, rel=1e-3)  # type: ignore[union-attr]
    assert back.by.grad.item() == pytest.approx(2e6, rel=1e-3)  # type: ignore[union-attr]
