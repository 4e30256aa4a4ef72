"""The kernel distance by loops, and who raises and who lowers it."""

import math

import pytest
import torch
from torch.nn.functional import softplus

from seqgan_kit.core.game import Move
from seqgan_kit.methods import textgan
from seqgan_kit.methods.textgan import WIDTHS, TextGANMethod, kernel_distance
from seqgan_kit.sequences.fine_tuning import FineTuning

REAL = torch.tensor([[3, 4, 2, 0, 0], [5, 6, 3, 4, 2], [6, 2, 0, 0, 0], [3, 3, 4, 5, 6]])


def test_the_distance_by_loops():
    x, y = torch.randn(3, 4, dtype=torch.float64), torch.randn(5, 4, dtype=torch.float64) + 1
    rows = [*x, *y]
    scale = sum(((a - b) ** 2).sum().item() for a in rows for b in rows) / 64

    def mean(first, second):
        values = [
            sum(math.exp(-((a - b) ** 2).sum().item() / (2 * w * scale)) for w in WIDTHS)
            / len(WIDTHS)
            for a in first
            for b in second
        ]
        return sum(values) / len(values)

    wanted = mean(x, x) + mean(y, y) - 2 * mean(x, y)
    assert kernel_distance(x, y).item() == pytest.approx(wanted)
    assert kernel_distance(x, x.flip(0)).item() == pytest.approx(0, abs=1e-12)


def test_float32_loses_no_digits_where_features_are_far_from_zero():
    x, y = (torch.randn(20, 50, dtype=torch.float64) + 100 for _ in range(2))
    found = []
    for kind in (torch.float64, torch.float32):
        rows = y.to(kind).requires_grad_()
        distance = kernel_distance(x.to(kind), rows)
        found.append((distance.detach(), *torch.autograd.grad(distance, rows)))
    for exact, rounded in zip(*found, strict=True):
        torch.testing.assert_close(rounded.double(), exact, rtol=1e-3, atol=1e-5)


@pytest.fixture
def game(tiny_generator, tiny_text_discriminator):
    method = TextGANMethod(distance_weight=2.0, straight_through=True)
    return textgan.build(
        tiny_generator(), tiny_text_discriminator(), method, FineTuning(negatives=0, score_l2=0)
    )


def test_d_adds_the_distance_to_its_cross_entropy(game):
    game.eval()
    fake = torch.nn.functional.one_hot(REAL.flip(0), 7).float()
    real, made = game.discriminate(REAL), game.discriminate(fake)
    distance = kernel_distance(real.features, made.features)
    wanted = softplus(-real.score).mean() + softplus(made.score).mean() - 2 * distance
    found = game.judge({"real": REAL}, fake, Move("adversarial", 0, 2, torch.Generator()))
    torch.testing.assert_close(found.total, wanted)


def test_gs_update_lowers_the_distance_through_its_tokens(game, rng):
    real = REAL.repeat(16, 1)
    game.eval()
    with torch.no_grad():
        game.generator.output.bias[3] += 3

    def distance(seed):
        move = Move("adversarial", 0, 2, torch.Generator().manual_seed(seed))
        return game.generator_loss({"real": real}, move).total

    before = sum(distance(seed).item() for seed in range(10))
    optimizer = torch.optim.Adam(game.generator.parameters(), 0.03)
    for seed in range(100, 150):
        optimizer.zero_grad()
        distance(seed).backward()
        optimizer.step()
    assert sum(distance(seed).item() for seed in range(10)) < 0.7 * before
