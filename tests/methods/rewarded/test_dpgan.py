"""Surprise by loops, D's loss, and G's gradient against sums over all sequences of a small world."""

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient

from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.rewarded import dpgan
from seqgan_kit.methods.rewarded.dpgan import DPGANMethod
from seqgan_kit.sequences.estimators.discounting import discounted_returns
from seqgan_kit.sequences.fine_tuning import FineTuning


def game_of(tiny_generator, **settings):
    vocabulary, options = WORLDS["rows that end"]
    players = [tiny_generator(vocabulary, LENGTH, **options) for _ in range(2)]
    return dpgan.build(*players, DPGANMethod(**settings), FineTuning(negatives=0))


def test_surprise_by_loops_and_its_cap(tiny_generator):
    game = game_of(tiny_generator, cap=1.2)
    rows = torch.tensor([[3, 4, 2], [2, 0, 0], [4, 2, 0]])
    words, sentences = game.surprise(rows)
    probabilities = game.players["discriminator"].logits(rows).softmax(-1)
    for row, tokens in enumerate(rows.tolist()):
        found, over = [], False
        for place, token in enumerate(tokens):
            if over:
                assert words[row, place] == 0
                continue
            found.append(min(1.2, -probabilities[row, place, token].log().item()))
            assert words[row, place].item() == pytest.approx(found[-1], rel=1e-5)
            over = token == 2
        assert sentences[row].item() == pytest.approx(sum(found) / len(found), rel=1e-5)
    assert (words == 1.2).any()
    assert ((words > 0) & (words < 1.2)).any()


def test_d_is_surprised_by_real_rows(tiny_generator):
    game = game_of(tiny_generator)
    real = torch.tensor([[3, 4, 2], [2, 0, 0]])
    fake = game.generator.sample(2, rng=torch.Generator().manual_seed(5))
    wanted = game.surprise(fake)[1].mean() - game.surprise(real)[1].mean()
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(5))
    torch.testing.assert_close(game.discriminator_loss({"real": real}, move).total, wanted)


@pytest.mark.parametrize("level", ["both", "word", "sentence"])
def test_gs_gradient_is_that_of_all_sequences(tiny_generator, level):
    game = game_of(tiny_generator, level=level, discount=0.6, baseline="batch")
    generator = game.generator
    rows = enumerate_sequences(generator)
    mask, log_probs = generator.token_mask(rows), generator.log_probs(rows)
    words, sentences = (x.detach() for x in game.surprise(rows))
    whole = sentences.unsqueeze(1) * mask
    rewards = {"both": words * whole, "word": words, "sentence": whole}[level]
    chances = log_probs.detach().sum(1).exp()
    returns = discounted_returns(rewards, 0.6)
    truth = flat_gradient((chances * (log_probs * returns * mask).sum(1)).sum(), generator)
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(1))
    batch = {"real": rows[:1].expand(400, -1)}
    draws = torch.stack(
        [-flat_gradient(game.generator_loss(batch, move).total, generator) for _ in range(50)]
    )
    errors = draws.mean(0) - truth
    assert (errors.abs() / (draws.std(0) / 50**0.5).clamp(min=1e-7)).max() < 4.5


def test_a_pool_is_refused(tiny_generator):
    with pytest.raises(UsageError, match="negatives is 64, but DPGAN draws new rows"):
        dpgan.build(tiny_generator(), tiny_generator(), DPGANMethod(), FineTuning(negatives=64))
