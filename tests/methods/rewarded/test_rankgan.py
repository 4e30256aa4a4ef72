"""The rank by loops, D's loss, and G's gradient against sums over all sequences of a small world."""

import math

import pytest
import torch
from small_worlds import LENGTH, WORLDS, enumerate_sequences, flat_gradient

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.rewarded import rankgan
from seqgan_kit.methods.rewarded.rankgan import RankGANMethod, log_ranks
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning


def rank_by_loops(row, references, others, sharpness):
    def power(s, u):
        return math.exp(sharpness * torch.nn.functional.cosine_similarity(s, u, dim=0).item())

    shares = [power(row, u) / sum(power(s, u) for s in (row, *others)) for u in references]
    return sum(shares) / len(shares)


def test_ranks_by_loops():
    rows, references, others = (torch.randn(n, 4, dtype=torch.float64) for n in (5, 3, 6))
    ranks, rest = log_ranks(rows, references, others, 3.0)
    wanted = [rank_by_loops(row, references, others, 3.0) for row in rows]
    assert ranks.exp().tolist() == pytest.approx(wanted)
    assert rest.exp().tolist() == pytest.approx([1 - rank for rank in wanted])


def test_a_row_like_the_references_ranks_first_and_ranks_stay_finite():
    references = torch.eye(4)[:1].expand(3, 4)
    others = torch.eye(4)[1:]
    (high, low), _ = log_ranks(
        torch.stack([references[0], -references[0]]), references, others, 500.0
    )
    assert high.item() == pytest.approx(0, abs=1e-6)
    assert low < -400
    assert low.isfinite()


@pytest.fixture
def game(tiny_generator):
    vocabulary, options = WORLDS["rows that end"]
    trunk = TextCNN(TextCNNConfig(embedding=3, filters=((1, 4), (2, 4))), vocabulary, LENGTH, pad=0)
    discriminator = Discriminator(trunk, trunk.features)
    generator = tiny_generator(vocabulary, LENGTH, **options)
    method = RankGANMethod(rollouts=2, references=3, baseline="batch")
    return rankgan.build(
        generator, discriminator, method, FineTuning(batch_size=8, negatives=0, score_l2=0)
    )


REAL = torch.tensor(
    [[3, 2, 0], [4, 4, 2], [3, 4, 4], [2, 0, 0], [4, 2, 0], [3, 3, 2], [3, 3, 4], [4, 3, 2]]
)


def test_ds_loss_ranks_neither_references_nor_a_row_among_its_own_kind(game):
    game.eval()
    fake = game.generator.sample(8, rng=torch.Generator().manual_seed(5))
    features = [game.discriminate(rows).features.double() for rows in (REAL[:3], REAL[3:], fake)]
    references, ranked, generated = features
    g = game.method.sharpness
    total = -sum(math.log(rank_by_loops(s, references, generated, g)) for s in ranked) / len(ranked)
    total -= sum(math.log(1 - rank_by_loops(s, references, ranked, g)) for s in generated) / 8
    loss = game.judge({"real": REAL}, fake, Move("adversarial", 0, 2, torch.Generator()))
    assert loss.total.item() == pytest.approx(total, rel=1e-4)


def test_gs_gradient_is_that_of_the_expected_log_rank(game):
    generator = game.generator
    rows = enumerate_sequences(generator)
    reward = game._reward(REAL).objective(rows)
    assert reward.std() > 1e-2
    truth = flat_gradient((generator.sequence_log_prob(rows).exp() * reward).sum(), generator)
    move = Move("adversarial", 0, 2, torch.Generator().manual_seed(1))
    real = torch.cat([REAL[:3], REAL[3:].repeat(40, 1)])
    again = game._reward(real).objective(rows)
    truth = flat_gradient((generator.sequence_log_prob(rows).exp() * again).sum(), generator)
    draws = torch.stack(
        [
            -flat_gradient(game.generator_loss({"real": real}, move).total, generator)
            for _ in range(50)
        ]
    )
    errors = draws.mean(0) - truth
    assert (errors.abs() / (draws.std(0) / 50**0.5).clamp(min=1e-7)).max() < 4.5


def test_impossible_settings_are_refused(tiny_generator, tiny_text_discriminator):
    training = FineTuning(batch_size=8)
    with pytest.raises(UsageError, match="the batch has 8 rows and the reference set 16"):
        rankgan.build(tiny_generator(), tiny_text_discriminator(), RankGANMethod(), training)
    with pytest.raises(UsageError, match="baseline is 'critic', which RankGAN does not have"):
        RankGANMethod(baseline="critic")


def test_a_penalty_of_the_unused_output_layer_is_refused(game):
    with pytest.raises(UsageError, match="uses no output layer of D: use 0"):
        rankgan.build(game.generator, game.discriminator, game.method, FineTuning(batch_size=8))
