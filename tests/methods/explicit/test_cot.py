"""Cooperative training against sums over all sequences of a small world, and its fixed point.

With prefixes s weighted by the chance that G writes them, the loss is sum_s G(s) KL(G(.|s) || M(.|s)). All of
it together is KL(G || M); its gradient with G(s) kept fixed is what the method follows.
"""

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient

from seqgan_kit.core.game import Move
from seqgan_kit.methods.explicit import cot
from seqgan_kit.methods.explicit.cot import CoTMethod, step_divergence


def players(tiny_generator, name):
    vocabulary, options = WORLDS[name]
    return [tiny_generator(vocabulary, LENGTH, **options) for _ in range(2)]


def all_steps(generator, mediator):
    """KL(G || M) of the next token [S,T], and the tokens [S,T] that count."""
    rows = enumerate_sequences(generator)
    own, wanted = (model.logits(rows).log_softmax(-1) for model in (generator, mediator))
    return step_divergence(own, wanted.detach()), generator.token_mask(rows), rows


@pytest.mark.parametrize("name", WORLDS)
def test_steps_add_up_to_the_divergence_of_sequences(tiny_generator, name):
    generator, mediator = players(tiny_generator, name)
    steps, mask, rows = all_steps(generator, mediator)
    log_g, log_m = (model.sequence_log_prob(rows) for model in (generator, mediator))
    wanted = (log_g.exp() * (log_g - log_m)).sum()
    torch.testing.assert_close((log_g.exp() * (steps * mask).sum(1)).sum(), wanted)


@pytest.mark.parametrize("name", WORLDS)
def test_the_gradient_is_the_exact_one_with_prefixes_kept(tiny_generator, name):
    """The loss is a mean over tokens: on many rows, the total over the number of tokens."""
    generator, mediator = players(tiny_generator, name)
    steps, mask, rows = all_steps(generator, mediator)
    chances = generator.sequence_log_prob(rows).exp().detach()
    tokens = (chances * mask.sum(1)).sum()
    truth = flat_gradient((chances * (steps * mask).sum(1)).sum() / tokens, generator)
    game = cot.build(generator, mediator, CoTMethod())
    move = Move("cooperative", 0, 1, torch.Generator().manual_seed(1))
    draws = torch.stack(
        [
            flat_gradient(
                game.generator_loss({"real": rows[:1].expand(500, -1)}, move).total, generator
            )
            for _ in range(40)
        ]
    )
    errors = draws.mean(0) - truth
    assert (errors.abs() / (draws.std(0) / 40**0.5).clamp(min=1e-7)).max() < 4.5
    assert errors.norm() < 0.1 * truth.norm()


def test_the_mediator_reads_real_and_generated_rows(tiny_generator, move):
    generator, mediator = players(tiny_generator, "rows that end")
    real = torch.tensor([[3, 2, 0], [4, 4, 2]])
    for reads, rows in (("real", 2), ("generated", 2), ("both", 4)):
        game = cot.build(generator, mediator, CoTMethod(mediator_reads=reads))
        drawn = generator.sample(2, rng=torch.Generator().manual_seed(5))
        read = {"real": real, "generated": drawn, "both": torch.cat([real, drawn])}[reads]
        assert len(read) == rows
        wanted = -mediator.sequence_log_prob(read).sum() / mediator.token_mask(read).sum()
        rng = torch.Generator().manual_seed(5)
        loss = game.mediator_loss({"real": real}, Move("cooperative", 0, 1, rng)).total
        torch.testing.assert_close(loss, wanted)


def test_nothing_moves_when_the_mediator_is_g(tiny_generator, move):
    """Then G is the mixture, so the data."""
    generator, mediator = players(tiny_generator, "rows that end")
    mediator.load_state_dict(generator.state_dict())
    game = cot.build(generator, mediator, CoTMethod())
    loss = game.generator_loss({"real": torch.zeros(50, 3)}, move).total
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert flat_gradient(loss, generator).abs().max() < 1e-6
