"""Fused log-probabilities: values and gradients of the plain logits and cross-entropy."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.autoregressive import IMPOSSIBLE, SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.kernels import fused_likelihood
from seqgan_kit.sequences.kernels.fused_likelihood import token_log_probs, weighted_log_prob

pytestmark = pytest.mark.numerics

PAD, BOS, EOS = 0, 1, 2
Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def inputs(rows: int = 300, hidden: int = 7, vocabulary: int = 40, scale: float = 1.0) -> Inputs:
    """hidden, weight, bias, targets, factors of both signs."""
    rng = torch.Generator().manual_seed(rows)
    shapes = ((rows, hidden), (vocabulary, hidden), (vocabulary,), (rows,))
    states, weight, bias, factors = (torch.randn(shape, generator=rng) for shape in shapes)
    targets = torch.randint(vocabulary, (rows,), generator=rng)
    return states * scale, weight, bias, targets, factors


def plain(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """In float64, as one writes it."""
    logits = F.linear(hidden.double(), weight.double(), bias.double())
    return -F.cross_entropy(logits, targets, reduction="none")


def by_tokens(hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, f: Tensor) -> Tensor:
    return (token_log_probs(hidden, weight, bias, targets) * f).sum()


WAYS = (by_tokens, weighted_log_prob)


def leaves(given: Inputs) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(part.clone().requires_grad_() for part in given[:3])  # type: ignore[return-value]


def assert_same_gradients(way: Callable[..., Tensor], given: Inputs, tolerance: float) -> None:
    """The value, and the gradients relative to the largest entry of each."""
    *_, targets, factors = given
    ours, theirs = leaves(given), leaves(given)
    value = way(*ours, targets, factors)
    expected = (plain(*theirs, targets) * factors).sum()
    torch.testing.assert_close(value.double(), expected, rtol=tolerance, atol=tolerance)
    # Times 3: a backward pass that starts from something else than 1.
    (3 * value).backward()
    (3 * expected).backward()
    for mine, their in zip(ours, theirs, strict=True):
        assert mine.grad is not None
        assert their.grad is not None
        worst = (mine.grad - their.grad).abs().max() / their.grad.abs().max()
        assert worst < tolerance


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("held", [1, 4000, 500_000])
def test_value_and_gradients_are_those_of_the_plain_loss(way, held, monkeypatch):
    """With 64 rows at a time (the last part is shorter), 100, and all at once."""
    monkeypatch.setattr(fused_likelihood, "_HELD_BY_CPU", held)
    given = inputs()
    torch.testing.assert_close(
        token_log_probs(*given[:4]).double(), plain(*given[:4]), atol=1e-5, rtol=1e-5
    )
    assert_same_gradients(way, given, 2e-5)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shift", [-200.0, 200.0])
def test_logits_that_overflow_or_vanish_unshifted(way, shift):
    """exp(200) is inf and exp(-200) is 0 in float32; one part of three has such rows."""
    hidden, weight, bias, targets, factors = inputs()
    bias = bias.clone()
    weight[:, 0], hidden[:, 0], hidden[70:75, 0] = shift, 0.0, 1.0
    assert_same_gradients(way, (hidden, weight, bias, targets, factors), 5e-5)


@pytest.mark.parametrize("way", WAYS)
def test_impossible_tokens_have_no_part_in_it(way):
    hidden, weight, bias, targets, factors = inputs()
    bias[:2] = IMPOSSIBLE
    assert_same_gradients(way, (hidden, weight, bias, targets.clamp(min=2), factors), 2e-5)
    assert (token_log_probs(hidden, weight, bias, targets * 0) < -1e8).all()


@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_not_rounded_under_autocast(way):
    given = inputs()

    def widened(*parts: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return way(*parts)

    assert_same_gradients(widened, given, 2e-5)
    hidden, weight, bias, targets, factors = given
    hidden = hidden.bfloat16().requires_grad_()
    way(hidden, weight, bias, targets, factors).backward()
    assert hidden.grad is not None
    assert hidden.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("way", WAYS)
def test_a_second_derivative_is_refused(way):
    given = inputs(20)
    ours = leaves(given)
    with pytest.raises(UsageError, match="no second derivatives"):
        torch.autograd.grad(way(*ours, *given[3:]), ours, create_graph=True)


def test_without_gradients_there_is_no_graph():
    *ours, targets, factors = inputs(20)
    for part in ours:
        part.requires_grad_()
    with torch.no_grad():
        tokens = token_log_probs(*ours, targets)
        total = weighted_log_prob(*ours, targets, factors)
    assert not tokens.requires_grad
    assert not total.requires_grad
    torch.testing.assert_close(total, weighted_log_prob(*ours, targets, factors).detach())


def test_logits_of_all_rows_are_never_held(monkeypatch):
    """The largest tensor made is one part's, in both directions."""
    monkeypatch.setattr(fused_likelihood, "_HELD_BY_CPU", 100_000)
    sizes = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            made = func(*args, **(kwargs or {}))
            sizes.extend(part.numel() for part in (made,) if isinstance(part, Tensor))
            return made

    given = inputs(640, 3, 1000)
    for way in WAYS:
        with Watch():
            way(*leaves(given), *given[3:]).backward()
    assert max(sizes) == 100 * 1000


@pytest.mark.parametrize("way", WAYS)
def test_nan_is_not_hidden(way):
    hidden, weight, bias, targets, factors = inputs(20)
    hidden[3, 2] = torch.nan
    assert way(hidden, weight, bias, targets, factors).isnan()


def generator(ends: bool) -> LSTMGenerator:
    special = {"bos": BOS, "eos": EOS, "pad": PAD} if ends else {"bos": 0, "eos": None, "pad": None}
    rng = torch.Generator().manual_seed(1)
    return LSTMGenerator(LSTMConfig(4, 6, initial_std=1.0), 12, 9, **special, rng=rng)


def rows_of(model: SequenceGenerator) -> Tensor:
    """Samples, and where sequences end, rows that are impossible at their start, middle and end."""
    tokens = model.sample(40, rng=torch.Generator().manual_seed(2))
    if model.eos is None:
        return tokens
    tokens[0] = torch.tensor([5, PAD, 5, EOS, PAD, PAD, 7, PAD, EOS])
    tokens[1] = torch.tensor([BOS, 5, EOS, BOS, PAD, PAD, PAD, PAD, PAD])
    tokens[2] = torch.tensor([EOS, *[PAD] * 8])
    return tokens


@pytest.mark.parametrize("ends", [True, False])
def test_a_generator_scores_as_its_logits_do(ends):
    """Every cell and every parameter's gradient, for arbitrary weights of the cells."""
    model = generator(ends)
    tokens = rows_of(model)
    expected = model.logits(tokens).log_softmax(-1).gather(2, tokens.unsqueeze(2)).squeeze(2)
    scored = model.log_probs(tokens)
    torch.testing.assert_close(scored, expected, rtol=1e-5, atol=1e-5)
    mask = model.token_mask(tokens)
    assert ends != mask.all().item()
    assert (scored[~mask & (tokens == PAD)] == 0).all()

    factors = torch.randn(tokens.shape, generator=torch.Generator().manual_seed(3))
    factors *= scored.detach() > -100
    parameters = list(model.parameters())
    gradients = [
        torch.autograd.grad(total, parameters)
        for total in (
            (expected * factors * mask).sum(),
            (scored * factors).sum(),
            model.weighted_log_prob(tokens, factors),
        )
    ]
    for ours in gradients[1:]:
        torch.testing.assert_close(ours, gradients[0], rtol=1e-4, atol=1e-4)


def test_weighted_log_prob_counts_nothing_after_the_end():
    model = generator(True)
    tokens = rows_of(model)[3:]
    total = model.weighted_log_prob(tokens, torch.ones_like(tokens))
    torch.testing.assert_close(total, model.sequence_log_prob(tokens).sum())
    # In rows 0 and 1 of this, what stands after EOS is impossible.
    tokens = rows_of(model)[:2]
    mask = model.token_mask(tokens)
    total = model.weighted_log_prob(tokens, torch.ones_like(tokens))
    torch.testing.assert_close(total, (model.log_probs(tokens) * mask).sum())
    assert not model.weighted_log_prob(tokens, torch.zeros_like(tokens)).item()
