"""Rewards of every step against loops, and the gradient against sums over all sequences of a small world."""

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.rewarded import scratchgan
from seqgan_kit.methods.rewarded.scratchgan import ScratchGANMethod
from seqgan_kit.sequences.discriminators.step_reader import StepReader, StepReaderConfig
from seqgan_kit.sequences.estimators.discounting import discounted_returns


def game_of(tiny_generator, name="rows that end", **settings):
    vocabulary, options = WORLDS[name]
    trunk = StepReader(StepReaderConfig(3, 4, 2, dropout=0.3), vocabulary, LENGTH, pad=None)
    discriminator = Discriminator(trunk, trunk.features)
    with torch.no_grad():
        discriminator.score.weight.mul_(8)
    generator = tiny_generator(vocabulary, LENGTH, **options)
    return scratchgan.build(generator, discriminator, ScratchGANMethod(**settings))


def test_returns_by_loops():
    rewards = torch.randn(4, 5, dtype=torch.float64)
    wanted = [
        [sum(0.3 ** (s - t) * row[s].item() for s in range(t, 5)) for t in range(5)]
        for row in rewards
    ]
    torch.testing.assert_close(
        discounted_returns(rewards, 0.3), torch.tensor(wanted, dtype=torch.float64)
    )


def test_a_score_depends_on_its_prefix_alone(tiny_generator):
    game = game_of(tiny_generator)
    game.eval()
    rows = torch.tensor([[3, 4, 2], [3, 4, 4], [3, 3, 4]])
    scores = game.step_scores(rows)
    torch.testing.assert_close(scores[0, :2], scores[1, :2])
    torch.testing.assert_close(scores[0, :1], scores[2, :1])
    assert (scores[0, 2] - scores[1, 2]).abs() > 1e-4
    assert (scores[1, 1] - scores[2, 1]).abs() > 1e-4


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("discount", [0.4, 1.0])
def test_the_gradient_is_that_of_all_sequences(tiny_generator, name, discount):
    """With discount 1 it is the gradient of the expected sum of rewards."""
    game = game_of(tiny_generator, name, discount=discount, baseline_decay=0.5)
    generator = game.generator
    rows = enumerate_sequences(generator)
    mask = generator.token_mask(rows)
    log_probs = generator.log_probs(rows)
    chances = log_probs.sum(1).exp()
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(1))
    rewards = game._rewards(rows, move) * mask
    assert rewards.std() > 0.05
    returns = discounted_returns(rewards, discount)
    truth = flat_gradient((chances.detach() * (log_probs * returns).sum(1)).sum(), generator)
    if discount == 1:
        torch.testing.assert_close(
            truth, flat_gradient((chances * rewards.sum(1)).sum(), generator)
        )
    batch = {"real": rows[:1].expand(500, -1)}
    draws = torch.stack(
        [-flat_gradient(game.generator_loss(batch, move).total, generator) for _ in range(40)]
    )
    assert game.players["baseline"].value != 0
    errors = draws.mean(0) - truth
    assert (errors.abs() / (draws.std(0) / 40**0.5).clamp(min=1e-7)).max() < 4.5


def test_d_reads_every_prefix_once(tiny_generator, move):
    game = game_of(tiny_generator)
    game.eval()
    real = torch.tensor([[3, 2, 0], [4, 4, 2]])
    fake = game.generator.sample(2, rng=torch.Generator().manual_seed(5))
    total = 0.0
    for rows, sign in ((real, -1), (fake, 1)):
        for row, scores in zip(rows, game.step_scores(rows), strict=True):
            for token, score in zip(row, scores, strict=True):
                total += torch.nn.functional.softplus(sign * score).item() / 12
                if token == 2:
                    break
    loss = game.discriminator_loss(
        {"real": real}, Move("a", 0, 1, torch.Generator().manual_seed(5))
    )
    assert loss.total.item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("reward", ["constant", "random"])
def test_controls_ignore_d(tiny_generator, reward, move):
    game = game_of(tiny_generator, reward=reward)
    rows = game.generator.sample(3, rng=move.rng)
    game.players["discriminator"] = None
    rewards = game._rewards(rows, move)
    assert rewards.abs().max() <= 1
    assert (rewards == 1).all() == (reward == "constant")


def test_a_discriminator_of_whole_rows_is_refused(tiny_generator, tiny_text_discriminator):
    with pytest.raises(UsageError, match="needs a score of each of the 5 tokens of a row"):
        scratchgan.build(tiny_generator(), tiny_text_discriminator(), ScratchGANMethod())
