"""The self-adversarial loss against sums over all sequences: its fixed point, and its first step."""

import copy

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient
from torch.nn.functional import softplus

from seqgan_kit.core.game import Move
from seqgan_kit.methods.explicit import dgsan
from seqgan_kit.methods.explicit.dgsan import DGSANMethod
from seqgan_kit.sequences.direct_training import DirectTraining


@pytest.fixture
def world(tiny_generator):
    """A game whose copy lags behind, all sequences, and the data's law, which another generator gives."""
    vocabulary, options = WORLDS["rows that end"]
    made = [tiny_generator(vocabulary, LENGTH, **options) for _ in range(3)]
    game = dgsan.build(made[0])
    game.players["copy"].load_state_dict(made[1].state_dict())
    rows = enumerate_sequences(made[0])
    return game, rows, made[2]


def exact_loss(game, rows, data):
    ratio, old = game.log_ratio(rows), game.players["copy"].sequence_log_prob(rows).exp()
    return (data * softplus(-ratio)).sum() + (old.detach() * softplus(ratio)).sum()


def test_the_loss_is_that_of_all_sequences(world):
    game, rows, law = world
    data = law.sequence_log_prob(rows).exp().detach()
    truth = flat_gradient(exact_loss(game, rows, data), game.generator)
    rng = torch.Generator().manual_seed(1)
    draws = []
    for _ in range(60):
        real = law.sample(300, rng=rng)
        loss = game.self_adversarial_loss({"real": real}, Move("s", 0, 1, rng)).total
        draws.append(flat_gradient(loss, game.generator))
    draws = torch.stack(draws)
    errors = draws.mean(0) - truth
    assert (errors.abs() / (draws.std(0) / 60**0.5).clamp(min=1e-7)).max() < 4.5


def test_the_data_is_the_fixed_point_whatever_the_copy(world):
    game, rows, law = world
    data = law.sequence_log_prob(rows).exp().detach()
    assert flat_gradient(exact_loss(game, rows, data), game.generator).norm() > 1e-2
    game.generator.load_state_dict(law.state_dict())
    assert flat_gradient(exact_loss(game, rows, data), game.generator).norm() < 1e-5


def test_a_round_begins_as_half_of_maximum_likelihood(world):
    game, rows, law = world
    data = law.sequence_log_prob(rows).exp().detach()
    game.follow({}, None)
    log_g = game.generator.sequence_log_prob(rows)
    likelihood = flat_gradient(-(data * log_g).sum(), game.generator)
    found = flat_gradient(exact_loss(game, rows, data), game.generator)
    torch.testing.assert_close(found, likelihood / 2, rtol=1e-4, atol=1e-6)


def test_the_copy_is_made_at_the_start_of_a_round():
    method = DGSANMethod()
    pretraining, rounds = dgsan.phases(method, DirectTraining(rounds=7, generator_moves=3))
    assert pretraining.keep
    assert [turn.rule or turn.loss for turn in rounds.turns] == ["follow", "self_adversarial_loss"]
    assert (rounds.rounds, rounds.turns[1].moves) == (7, 3)
    control = dgsan.phases(DGSANMethod(objective="likelihood"), DirectTraining())[1]
    assert control.turns[1].loss == "mle_loss"


def test_the_copy_is_another_network(tiny_generator):
    generator = tiny_generator()
    game = dgsan.build(generator)
    before = copy.deepcopy(game.players["copy"].state_dict())
    with torch.no_grad():
        generator.output.bias.add_(1)
    assert all(torch.equal(before[k], v) for k, v in game.players["copy"].state_dict().items())
