"""The TextCNN trunk: the paper's filters, PAD, soft inputs, and the scorer that shares windows."""

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.discriminators.highway import Highway
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.discriminators.textcnn import (
    TextCNN,
    TextCNNConfig,
    filters_for_length,
    score_penalty,
)

pytestmark = pytest.mark.numerics

SHORT = ((1, 100), (2, 200), (3, 200), (4, 200), (5, 200))
MIDDLE = ((6, 100), (7, 100), (8, 100), (9, 100), (10, 100))


def make(vocabulary=30, length=12, pad=0, **config):
    torch.manual_seed(0)
    config = {"embedding": 8, "filters": ((1, 5), (3, 7), (12, 4))} | config
    return TextCNN(TextCNNConfig(**config), vocabulary, length, pad=pad).eval()


def test_filters_are_the_papers_at_its_two_lengths():
    """Yu et al. 2017, appendix: T=20 and T=32."""
    assert filters_for_length(20) == (*SHORT, *MIDDLE, (15, 160), (20, 160))
    assert filters_for_length(32) == (*SHORT, *MIDDLE, (16, 160), (24, 160), (32, 160))
    assert sum(count for _, count in filters_for_length(20)) == 1720


def test_filters_go_on_to_other_lengths():
    assert filters_for_length(40) == (*SHORT, *MIDDLE, (20, 160), (30, 160), (40, 160))
    assert filters_for_length(5) == SHORT
    assert filters_for_length(1) == ((1, 100),)
    for length in range(1, 60):
        widths = [width for width, _ in filters_for_length(length)]
        assert widths == sorted(set(widths))
        assert widths[-1] == length


def test_filter_that_does_not_fit_is_refused():
    with pytest.raises(UsageError, match="width 12 does not fit into sequences of 11"):
        make(length=11)
    with pytest.raises(UsageError, match="pairs of 1 or more"):
        make(filters=())


def test_features_are_the_largest_window_response():
    """Recomputed window by window from embeddings and weights, without highway."""
    trunk = make(highway=False)
    tokens = torch.randint(0, 30, (4, 12))
    features = trunk(tokens)
    assert features.shape == (4, trunk.features) == (4, 16)
    embedded = trunk.embedding(tokens)
    expected = []
    for convolution, (width, _) in zip(trunk.convolutions, trunk.filters, strict=True):
        windows = embedded.unfold(1, width, 1)  # [B, windows, E, width]
        responses = torch.einsum("bwek,fek->bwf", windows, convolution.weight) + convolution.bias
        expected.append(responses.relu().amax(1))
    torch.testing.assert_close(features, torch.cat(expected, 1))


def test_highway_mixes_input_and_its_transform():
    layer, x = Highway(6), torch.randn(3, 6)
    value = x @ layer.both.weight[:6].t() + layer.both.bias[:6]
    gate = torch.sigmoid(x @ layer.both.weight[6:].t() + layer.both.bias[6:])
    torch.testing.assert_close(layer(x), gate * value.relu() + (1 - gate) * x)


def test_the_gate_starts_as_in_the_papers_code_and_as_asked():
    """LantaoYu/SeqGAN calls highway(h, size, 1, 0): the gate's offset is 0."""
    assert (make().highway.both.bias == 0).all()
    asked = make(gate_bias=-2.0).highway.both
    assert (asked.bias[16:] == -2).all()
    assert (asked.bias[:16] == 0).all()
    torch.testing.assert_close(asked.weight, make().highway.both.weight, rtol=0, atol=0)
    with pytest.raises(UsageError, match="gate_bias is nan; it must be a finite number"):
        TextCNNConfig(gate_bias=float("nan"))


def test_pad_is_embedded_as_zeros_and_stays_so():
    trunk = make()
    assert (trunk.embedding.weight[0] == 0).all()
    trunk(torch.zeros(2, 12, dtype=torch.long)).sum().backward()
    assert (trunk.embedding.weight.grad[0] == 0).all()


def test_soft_one_hots_are_read_like_ids_and_carry_a_gradient():
    trunk, tokens = make(), torch.randint(0, 30, (4, 12))
    soft = torch.nn.functional.one_hot(tokens, 30).float().requires_grad_()
    torch.testing.assert_close(trunk(soft), trunk(tokens))
    trunk(soft).sum().backward()
    assert soft.grad.abs().sum() > 0


def test_soft_one_hots_have_second_derivatives():
    """As a gradient penalty asks for."""
    trunk, tokens = make(), torch.randint(0, 30, (4, 12))
    soft = torch.nn.functional.one_hot(tokens, 30).float().requires_grad_()
    (slope,) = torch.autograd.grad(trunk(soft).sum(), soft, create_graph=True)
    slope.square().sum().backward()
    assert all(c.weight.grad.abs().sum() > 0 for c in trunk.convolutions)


def test_autocast_trains_near_full_precision():
    """bfloat16 has a relative precision of 2^-8."""
    trunk, tokens = make(), torch.randint(1, 30, (6, 12))
    exact = trunk(tokens)
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        rounded = trunk(tokens)
    rounded.sum().backward()
    assert not torch.equal(rounded, exact)
    torch.testing.assert_close(rounded.float(), exact, atol=0.05, rtol=0.05)
    assert all(p.grad.abs().sum() > 0 for p in trunk.parameters())


def test_it_plugs_into_the_discriminator():
    critique = build_discriminator(DiscriminatorChoice(), 50, 20, pad=None)(
        torch.randint(0, 50, (3, 20))
    )
    assert critique.score.shape == (3,)
    assert critique.features.shape == (3, 1720)
    with pytest.raises(UsageError, match="Did you mean 'textcnn'"):
        build_discriminator(DiscriminatorChoice("textcn"), 50, 20, pad=None)


def test_dropout_acts_in_training_only():
    trunk, tokens = make(dropout=0.5), torch.randint(0, 30, (4, 12))
    assert torch.equal(trunk(tokens), trunk(tokens))
    trunk.train()
    assert not torch.equal(trunk(tokens), trunk(tokens))


def test_score_penalty_is_the_two_class_penalty_of_the_same_logit():
    """The least of (|w1|^2 + |w0|^2) / 2 with w1 - w0 = w is at w1 = w/2 = -w0."""
    layer = torch.nn.Linear(4, 1)
    halves = torch.cat([layer.weight / 2, -layer.weight / 2]).square().sum() / 2
    biases = 2 * (layer.bias / 2).square().sum() / 2
    torch.testing.assert_close(score_penalty(layer), halves + biases)


@pytest.mark.parametrize("pad", [None, 0])
@pytest.mark.parametrize("highway", [True, False])
def test_prefix_scorer_agrees_with_the_trunk_on_completions(pad, highway):
    trunk = make(filters=((1, 5), (2, 6), (3, 7), (7, 3), (12, 4)), pad=pad, highway=highway)
    originals = torch.randint(0, 30, (5, 12))
    scorer = PrefixScorer(trunk, lambda features: features.cos().sum(1))
    with torch.no_grad():
        torch.testing.assert_close(scorer(originals), trunk(originals).cos().sum(1))
        score = scorer.for_originals(originals)
        for kept in range(1, 12):
            owner = torch.tensor([3, 0, 4])
            completions = torch.randint(0, 30, (3, 2, 12))
            completions[:, :, :kept] = originals[owner, None, :kept]
            expected = trunk(completions.flatten(0, 1)).cos().sum(1).view(3, 2)
            torch.testing.assert_close(score(completions, owner, kept), expected, atol=1e-4, rtol=0)


def test_prefix_scorer_ignores_dropout():
    trunk = make(dropout=0.5).train()
    scorer = PrefixScorer(trunk, lambda features: features.sum(1))
    tokens = torch.randint(0, 30, (5, 12))
    assert torch.equal(scorer(tokens), scorer(tokens))
    assert trunk.training
