"""Discriminators of a source and what was written from it."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.attentive_reader import AttentiveReaderConfig
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DISCRIMINATORS,
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.pair_cnn import PairCNN, PairCNNConfig
from seqgan_kit.sequences.discriminators.pair_rnn import PairRNNConfig
from seqgan_kit.sequences.discriminators.pair_textcnn import PairTextCNNConfig
from seqgan_kit.sequences.estimators.rewards import scored_completions
from seqgan_kit.sequences.estimators.trials import rollout_rewards
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

GIVEN, LENGTH, VOCABULARY = 4, 6, 12
PAIRS = sorted(k for k, trunk in DISCRIMINATORS.items() if getattr(trunk, "reads_pairs", False))
every_kind = pytest.mark.parametrize("kind", PAIRS)


def make(kind, given=GIVEN) -> Discriminator:
    torch.manual_seed(0)
    choice = DiscriminatorChoice(
        kind,
        pair_cnn=PairCNNConfig(6, 12, 3),
        pair_textcnn=PairTextCNNConfig(6, ((1, 6), (2, 6), (5, 6))),
        pair_rnn=PairRNNConfig(5, 6, matching=12),
        attentive_reader=AttentiveReaderConfig(5, 6),
    )
    judge = build_discriminator(choice, VOCABULARY, given + LENGTH, pad=0, given=given)
    nn.init.normal_(judge.score.weight)
    return judge.eval()


def sampled(rows=8, given=GIVEN):
    rng = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    config = LSTMConfig(4, 6, initial_std=1.0)
    generator = LSTMGenerator(config, VOCABULARY, LENGTH, bos=1, eos=2, pad=0, given=given).eval()
    sources = torch.randint(3, VOCABULARY, (rows, given), generator=rng)
    return generator, generator.sample(rows, given=sources, rng=rng)


def test_the_first_layer_is_the_convolution_over_the_map():
    """Of concatenated embeddings of both sides, each with a 0 beyond its ends; then relu and 2x2 maxima."""
    trunk = make("pair_cnn").trunk
    tokens = torch.randint(3, VOCABULARY, (3, GIVEN + LENGTH))
    embedded = trunk.embedding(tokens)
    source, target = (
        F.pad(side, (0, 0, 1, 1)) for side in (embedded[:, :GIVEN], embedded[:, GIVEN:])
    )
    table = torch.cat(
        [
            source.unsqueeze(2).expand(-1, -1, target.shape[1], -1),
            target.unsqueeze(1).expand(-1, source.shape[1], -1, -1),
        ],
        3,
    ).permute(0, 3, 1, 2)
    # Any kernel whose sums over the other side are those of the two convolutions.
    over_source, over_target = trunk.over_source.weight, trunk.over_target.weight
    share = torch.tensor([0.5, 0.3, 0.2])
    kernel = torch.cat(
        [over_source.unsqueeze(3) * share, over_target.unsqueeze(2) * share[:, None]], 1
    )
    wanted = F.conv2d(table, kernel, trunk.over_source.bias).relu()
    assert wanted.shape[2:] == (GIVEN, LENGTH)
    parts = trunk.read_source(tokens[:, :GIVEN]), trunk._side(trunk.over_target, tokens[:, GIVEN:])
    found = (parts[0].unsqueeze(3) + parts[1].unsqueeze(2)).relu()
    torch.testing.assert_close(found, F.max_pool2d(wanted, 2, ceil_mode=True))


@every_kind
@pytest.mark.parametrize("given", [1, GIVEN])
def test_completions_are_scored_as_whole_rows(kind, given):
    judge = make(kind, given)
    generator, rows = sampled(given=given)
    plain = lambda rows: judge(rows).score.detach()  # noqa: E731
    shared = scored_completions(judge, lambda score: score.detach())
    torch.testing.assert_close(shared(rows), plain(rows), rtol=1e-4, atol=1e-5)
    values = [
        rollout_rewards(
            generator, rows, score, 3, rng=torch.Generator().manual_seed(2), chunk_rows=7
        )
        for score in (plain, shared)
    ]
    torch.testing.assert_close(*values, rtol=1e-4, atol=1e-5)


@every_kind
def test_rollouts_never_see_another_source(kind):
    """A row's values are those that it has in the company of other sources, and change with its own."""
    judge = make(kind)
    generator, rows = sampled()

    def values(rows):
        reward = scored_completions(judge, lambda score: score.detach())
        return rollout_rewards(generator, rows, reward, 2, rng=torch.Generator().manual_seed(3))

    found = values(rows)
    others = rows.clone()
    others[1:, :GIVEN] = rows[1:, :GIVEN].flip(1)
    torch.testing.assert_close(values(others)[0], found[0], rtol=1e-4, atol=1e-5)
    own = rows.clone()
    own[:, :GIVEN] = rows[:, :GIVEN].roll(1, 0)
    last = generator.token_mask(rows).sum(1, keepdim=True) - 1
    difference = (values(own) - found).gather(1, last).abs()
    assert (difference > 1e-3).float().mean() > 0.8, "the source makes no difference"


@every_kind
def test_pairs_that_belong_together_are_told_from_those_that_do_not(kind):
    """The target repeats the source's token, or another one: neither side alone says which."""
    judge = make(kind).train()
    rng = torch.Generator().manual_seed(3)

    def batch(real: bool) -> torch.Tensor:
        source = torch.randint(0, 4, (32, 1), generator=rng)
        shift = torch.zeros(()) if real else torch.randint(1, 4, (32, 1), generator=rng)
        target = (source + shift.long()) % 4
        return 3 + torch.cat([source.expand(-1, GIVEN), target.expand(-1, LENGTH)], 1)

    optimizer = torch.optim.Adam(judge.parameters(), 1e-2)
    for _ in range(80):
        loss = F.softplus(-judge(batch(True)).score) + F.softplus(judge(batch(False)).score)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    judge.eval()
    right = (judge(batch(True)).score > 0).float() + (judge(batch(False)).score < 0).float()
    # TextCNNs meet in the score alone, which is a sum over both sides, so they cannot compare.
    assert (right.mean() / 2 > 0.75) == (kind != "pair_textcnn")


@every_kind
def test_runs_without_a_source_are_refused(kind):
    message = f"the discriminator {kind} reads a source and what was written from it, and nothing"
    with pytest.raises(UsageError, match=message):
        build_discriminator(DiscriminatorChoice(kind), 50, 20, pad=0)
    with pytest.raises(UsageError, match="rows of 4 tokens, 4 of them given"):
        build_discriminator(DiscriminatorChoice(kind), 50, 4, pad=0, given=4)


def test_a_side_of_one_token_is_enough():
    trunk = PairCNN(PairCNNConfig(4, 4), 9, 2, pad=0, given=1)
    assert trunk(torch.tensor([[3, 4], [5, 0]])).shape == (2, 4)
