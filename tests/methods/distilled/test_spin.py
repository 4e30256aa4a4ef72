"""SPIN: its loss by hand, and the first update is half of beta times likelihood's."""

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient

from seqgan_kit.errors import UsageError
from seqgan_kit.methods.distilled import spin
from seqgan_kit.methods.distilled.spin import SPINMethod, preference_loss
from seqgan_kit.sequences.direct_training import DirectTraining


def test_the_loss_by_hand(tiny_generator, move):
    game = spin.build(tiny_generator(7, LENGTH, given=1), SPINMethod(beta=0.5))
    with torch.no_grad():
        for parameter in game.generator.parameters():
            parameter += 0.2
    real = torch.tensor([[3, 4, 2, 0], [5, 2, 0, 0]])
    rng = move.rng.get_state()
    loss = game.loss("self_play_loss", {"real": real}, move).total
    move.rng.set_state(rng)
    own = game.opponent.sample(2, rng=move.rng, given=real[:, :1])
    ratios = [
        game.generator.sequence_log_prob(rows) - game.opponent.sequence_log_prob(rows)
        for rows in (real, own)
    ]
    torch.testing.assert_close(loss, -(0.5 * (ratios[0] - ratios[1])).sigmoid().log().mean())


def test_the_first_update_is_a_share_of_likelihoods(tiny_generator):
    """Against an equal opponent, E grad log G(y') = 0, so the gradient is -beta/2 E grad log G(y)."""
    vocabulary, options = WORLDS["rows that end"]
    generator = tiny_generator(vocabulary, LENGTH, **options)
    rows = enumerate_sequences(generator)
    log_probs = generator.sequence_log_prob(rows)
    data = torch.randn(len(rows)).softmax(0)
    ratios = log_probs - log_probs.detach()
    pairs = preference_loss(ratios.unsqueeze(1), ratios.unsqueeze(0), 0.3)
    chances = data.unsqueeze(1) * log_probs.detach().exp()
    found = flat_gradient((chances * pairs).sum(), generator)
    expected = flat_gradient(-0.15 * (data * log_probs).sum(), generator)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_an_iteration_begins_with_an_equal_opponent(tiny_generator, move):
    game = spin.build(tiny_generator(), SPINMethod())
    with torch.no_grad():
        game.generator.output.bias += 1.0
    game.rule("match_generator", {}, move)
    loss = game.loss("self_play_loss", {"real": torch.tensor([[3, 4, 2, 0, 0]])}, move)
    assert loss.total.item() == pytest.approx(0.6931, abs=1e-4)
    turns = spin.phases(DirectTraining(generator_moves=7))[1].turns
    played = [(turn.loss or turn.rule, turn.moves) for turn in turns]
    assert played == [("match_generator", 1), ("self_play_loss", 7)]


def test_beta_is_above_0():
    with pytest.raises(UsageError, match="beta"):
        SPINMethod(beta=0)
