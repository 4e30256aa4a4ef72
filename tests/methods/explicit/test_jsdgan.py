"""The direct divergence against sums over all sequences of a small world."""

import math

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient

from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.explicit import jsdgan
from seqgan_kit.methods.explicit.jsdgan import EmpiricalLaw, divergence_weights


@pytest.fixture
def world(tiny_generator):
    """A generator, all sequences, and training rows with repetitions: the first sequences, 1 to 5 times."""
    vocabulary, options = WORLDS["rows that end"]
    generator = tiny_generator(vocabulary, LENGTH, **options)
    rows = enumerate_sequences(generator)
    counts = torch.arange(10) % 5 + 1
    return generator, rows, rows[:10].repeat_interleave(counts, 0)


def divergence(generator, rows, train):
    """V = E_P log D + E_G log(1 - D), by a sum over all sequences."""
    law = EmpiricalLaw(train)
    p = torch.zeros(len(rows))
    p[:10] = law.log_prob(rows[:10]).exp()
    g = generator.sequence_log_prob(rows).exp()
    assert p.sum().item() == pytest.approx(1)
    mix = (p + g) / 2
    jensen_shannon = 0.5 * (
        (p[:10] * (p[:10] / mix[:10]).log()).sum() + (g * (g / mix).log()).sum()
    )
    return 2 * jensen_shannon - 2 * math.log(2)


def test_the_gradient_is_that_of_the_divergence(world):
    """On all training rows at once, up to the factor that the loss divides by."""
    generator, rows, train = world
    truth = flat_gradient(divergence(generator, rows, train), generator)
    game = jsdgan.build(generator, train)
    loss = game.divergence_loss({"real": train}, Move("divergence", 0, 1, torch.Generator())).total
    log_g = generator.sequence_log_prob(train).detach()
    scale = divergence_weights(log_g, game.law.log_prob(train)).abs().mean()
    found = flat_gradient(loss, generator) * scale
    torch.testing.assert_close(found, truth, rtol=1e-3, atol=1e-6)


def test_weights_by_hand_and_at_the_ends():
    log_p = torch.tensor([0.1, 0.25, 0.5]).log()
    log_g = torch.tensor([math.log(0.1), math.log(0.5), -1e9])
    wanted = [1 * math.log(1 / 2), 2 * math.log(2 / 3), 0.0]
    assert divergence_weights(log_g, log_p).tolist() == pytest.approx(wanted)
    far = divergence_weights(torch.tensor([-300.0], dtype=torch.float64), torch.zeros(1).double())
    assert far.isfinite().all()
    assert far.item() < 0


def test_unlikely_sentences_give_finite_losses(world):
    generator, _, train = world
    with torch.no_grad():
        generator.output.weight.zero_()
        generator.output.bias.copy_(torch.tensor([0.0, 0.0, -80.0, 60.0, -60.0]))
    game = jsdgan.build(generator, train)
    loss = game.divergence_loss({"real": train}, Move("divergence", 0, 1, torch.Generator())).total
    assert loss.isfinite()
    assert flat_gradient(loss, generator).isfinite().all()


def test_rows_of_other_text_and_conditions_are_refused(world, tiny_generator):
    _, rows, train = world
    with pytest.raises(UsageError, match="not one of the training rows"):
        EmpiricalLaw(train).log_prob(rows[-2:])
    with pytest.raises(UsageError, match="takes no conditions: leave the sources out"):
        jsdgan.build(tiny_generator(given=2), train)
