"""Masked diffusion on rows of 3 tokens, where all masks and all orders can be listed.

The bound of a row is the sum over sets M of places of (|M|-1)! (T-|M|)! / T! sum_{i in M} -log x(y_i | rest),
which is the mean over orders of the negative log-probability of writing the tokens one by one.
"""

import itertools
import math

import pytest
import torch

from seqgan_kit.core.game import Move
from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model
from seqgan_kit.methods.explicit import mdlm
from seqgan_kit.sequences.generators.masked_denoiser import (
    MaskedDenoiser,
    MaskedDenoiserConfig,
    random_places,
)

ROWS = torch.tensor(list(itertools.product(range(3), repeat=3)))


def model(vocabulary=3, length=3, steps=60, **special):
    torch.manual_seed(1)
    config = MaskedDenoiserConfig(8, 1, 2, 16, dropout=0.0, steps=steps)
    special = {"bos": 0, "eos": None, "pad": None} | special
    made = MaskedDenoiser(config, vocabulary, length, **special)
    with torch.no_grad():
        made.output.weight.mul_(6)
    return made.eval()


def exact_bound(made, rows):
    """Minus the bound of log p [N], over all sets of places."""
    total, length = torch.zeros(len(rows), dtype=torch.float64), rows.shape[1]
    for size in range(1, length + 1):
        weight = math.factorial(size - 1) * math.factorial(length - size) / math.factorial(length)
        for places in itertools.combinations(range(length), size):
            hidden = torch.zeros_like(rows, dtype=torch.bool)
            hidden[:, list(places)] = True
            total -= weight * made.hidden_log_prob(rows, hidden).sum(1).detach().double()
    return total


def one_by_one(made, rows):
    """log p [N, orders] of writing the tokens in each order."""
    found = []
    for order in itertools.permutations(range(3)):
        hidden, total = torch.ones_like(rows, dtype=torch.bool), 0
        for place in order:
            total = total + made.hidden_log_prob(rows, hidden)[:, place].detach().double()
            hidden[:, place] = False
        found.append(total)
    return torch.stack(found, 1)


def test_the_bound_is_the_mean_over_orders_and_lies_above_the_likelihoods_of_their_mixture():
    made = model()
    orders = one_by_one(made, ROWS)
    torch.testing.assert_close(exact_bound(made, ROWS), -orders.mean(1))
    mixture = orders.exp().mean(1)
    assert mixture.sum().item() == pytest.approx(1, abs=1e-5)
    assert (exact_bound(made, ROWS) >= -mixture.log() - 1e-9).all()
    assert (exact_bound(made, ROWS) > -mixture.log() + 1e-4).any()


def test_loss_and_bound_estimate_it(rng):
    made = model()
    truth = exact_bound(made, ROWS)
    draws = -made.bounds(ROWS.repeat(400, 1), 1, rng)[0].view(400, 27).double()
    z = (draws.mean(0) - truth).abs() / (draws.std(0) / 20)
    assert z.max() < 4.5
    game = mdlm.build(made, made)
    losses = (
        torch.stack(
            [
                game.diffusion_loss({"real": ROWS}, Move("diffusion", 0, 1, rng)).total.detach()
                for _ in range(300)
            ]
        ).double()
        * made.length
    )
    assert abs(losses.mean() - truth.mean()) / (losses.std() / 300**0.5) < 4
    even = made.bounds(ROWS.repeat(200, 1), 3, rng)[0].view(200, 27)
    assert even.std(0).mean() < draws.std(0).mean() / 3**0.5


def test_samples_with_many_steps_follow_the_mixture_of_orders(rng):
    made = model(steps=60)
    truth = one_by_one(made, ROWS).exp().mean(1)
    drawn = made.sample(6000, rng=rng)
    seen = torch.bincount(drawn @ torch.tensor([9, 3, 1]), minlength=27) / 6000
    assert 0.5 * (seen - truth).abs().sum() < 0.05
    assert truth.max() > 1.5 / 27


def test_masks_are_uniform_sets_of_the_given_size(rng):
    counts = torch.tensor([1, 2, 3]).repeat(4000)
    hidden = random_places(counts, 3, rng)
    assert torch.equal(hidden.sum(1), counts)
    shares = hidden[counts == 2].double().mean(0)
    assert shares.tolist() == pytest.approx([2 / 3] * 3, abs=0.03)


def test_rows_end_once_and_bos_is_never_written(rng):
    made = model(7, 5, bos=1, eos=2, pad=0)
    rows = made.sample(300, rng=rng)
    ends = (rows == 2).long()
    assert (ends.sum(1) <= 1).all()
    assert ((rows == 0) | (ends.cumsum(1) - ends == 0)).all()
    assert not (rows == 1).any()
    assert rows.max() < 7


def test_a_model_comes_back(tmp_path):
    tokenizer = train_tokenizer("word", ["a black cat sat"])
    made = model(tokenizer.vocabulary_size, 5, bos=1, eos=2, pad=0)
    save_text_model(tmp_path / "model", made, tokenizer)
    loaded = load_text_model(tmp_path)
    assert loaded.sample(4, seed=1) == [
        tokenizer.decode(row)
        for row in made.sample(4, rng=torch.Generator().manual_seed(1)).tolist()
    ]


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(UsageError, match="the width is 10 and the number of heads 4"):
        MaskedDenoiserConfig(width=10, heads=4)
