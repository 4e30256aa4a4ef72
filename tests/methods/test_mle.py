"""Maximum likelihood: the loss by loops, its floor, and that training reaches it."""

import math

import pytest
import torch

from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import EarlyStop, Epochs, check_phases
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.mle import MLEMethod, build, phases
from seqgan_kit.sequences.maximum_likelihood import (
    mle_loss,
    negative_log_likelihood,
    sequence_log_probs,
)

# Two sentences that end, one that does not: 3 + 1 + 5 tokens count.
TOKENS = torch.tensor([[3, 4, 2, 0, 0], [2, 0, 0, 0, 0], [5, 6, 3, 4, 5]])


def test_an_undecided_generator_pays_the_log_of_its_choices(tiny_generator):
    """Of 7 tokens PAD and BOS are impossible, so every token costs log 5, EOS too; PAD costs nothing."""
    generator = tiny_generator()
    with torch.no_grad():
        generator.output.weight.zero_()
        generator.output.bias.zero_()
    assert negative_log_likelihood(generator, TOKENS).item() == pytest.approx(math.log(5))
    totals = sequence_log_probs(generator, TOKENS)
    assert totals.tolist() == pytest.approx([-3 * math.log(5), -math.log(5), -5 * math.log(5)])


def test_the_loss_by_loops(tiny_generator):
    generator, total, count = tiny_generator(), 0.0, 0
    for row in TOKENS:
        state, last = generator.start(torch.empty(1, 0, dtype=torch.int64)), torch.tensor([1])
        for token in row:
            logits, state = generator.step(last, state)
            total -= logits.log_softmax(1)[0, token].item()
            count, last = count + 1, token[None]
            if token == 2:
                break
    assert count == 9
    loss = negative_log_likelihood(generator, TOKENS)
    assert loss.item() == pytest.approx(total / count, rel=1e-5)
    result = mle_loss(generator, {"real": TOKENS})
    assert (result.total.item(), result.logs["nll_train"].item()) == (loss.item(), loss.item())


def test_sequence_log_probs_do_not_depend_on_chunks_and_carry_no_gradient(tiny_generator, rng):
    generator = tiny_generator()
    tokens = generator.sample(11, rng=rng)
    whole = sequence_log_probs(generator, tokens)
    torch.testing.assert_close(sequence_log_probs(generator, tokens, chunk_rows=3), whole)
    assert whole.dtype == torch.float64
    assert not whole.requires_grad


def test_a_round_is_an_epoch_and_early_stopping_is_a_choice():
    (phase,) = phases(MLEMethod())
    assert (phase.rounds, phase.turns[0].moves, phase.early_stop) == (120, Epochs(1), None)
    (phase,) = phases(MLEMethod(patience_evaluations=4))
    assert phase.early_stop == EarlyStop("nll_valid", 4)
    assert phase.early_stop.restore_best


@pytest.mark.parametrize("moves", [1, 9, 10, 11, 25, 360])
def test_a_length_in_moves_is_kept_exactly(moves):
    (phase,) = phases(MLEMethod(mle_moves=moves))
    per_round = [phase.turns[0].moves_in(done, 78) for done in range(phase.rounds)]
    assert sum(per_round) == moves
    assert min(per_round) >= 1
    assert phase.rounds <= 10
    assert phase.evaluate_every_rounds == 1


def test_a_negative_length_is_refused():
    with pytest.raises(UsageError, match="mle_moves is -1"):
        MLEMethod(mle_moves=-1)


def test_training_finds_the_datas_own_entropy(tiny_generator, new_run):
    """Half the rows are [3 EOS], half [4 EOS]: no generator can pay less than log 2 for two tokens."""
    game = build(tiny_generator(hidden=8, initial_std=None))
    rows = torch.tensor([[3, 2, 0, 0, 0], [4, 2, 0, 0, 0]]).repeat(16, 1)
    method = MLEMethod(batch_size=16, mle_epochs=60, mle_learning_rate=0.03)
    check_phases(game, phases(method), {"train": None})
    Trainer(new_run(), game, phases(method), TensorFeed({"real": rows}, 16, seed=0)).fit()
    nll = negative_log_likelihood(game.players["generator"], rows).item()
    assert math.log(2) / 2 - 1e-6 < nll < math.log(2) / 2 + 0.02
