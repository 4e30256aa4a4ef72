"""Features of prefixes against the network on padded rows, and the contract of generators for LeakGAN's."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.generators.hierarchical.leak_generator import (
    LeakConfig,
    LeakGenerator,
    at_temperature,
)
from seqgan_kit.sequences.generators.hierarchical.prefix_features import prefix_features
from seqgan_kit.sequences.sampling.rollout import complete_prefixes

pytestmark = pytest.mark.numerics

PAD, BOS, EOS = 0, 1, 2
with_and_without_end = pytest.mark.parametrize("ends", [False, True])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make(vocabulary=5, length=3, *, ends=True, step=2, widths=(1, 2, 3), **options):
    tokens = {"bos": BOS, "eos": EOS, "pad": PAD} if ends else {"bos": 0, "eos": None, "pad": None}
    trunk = TextCNNConfig(embedding=3, filters=tuple((width, 4) for width in widths))
    config = LeakConfig(4, 5, 3, step, initial_std=1.0, trunk=trunk)
    torch.manual_seed(3)
    return LeakGenerator(config, vocabulary, length, **tokens, rng=seeded(), **options).eval()


def every_row(vocabulary, length):
    return torch.tensor(list(itertools.product(range(vocabulary), repeat=length)))


@pytest.mark.parametrize("widths", [(1,), (2, 7), (1, 3, 5)])
def test_features_of_prefixes_are_those_of_padded_rows(widths):
    config = TextCNNConfig(embedding=6, filters=tuple((width, 5) for width in widths), dropout=0.5)
    trunk = TextCNN(config, 9, 7, pad=PAD).eval()
    with torch.no_grad():
        for convolution in trunk.convolutions:
            convolution.bias.normal_(generator=seeded(2))  # Empty windows must win sometimes.
    rows = torch.randint(1, 9, (20, 7), generator=seeded())
    found = prefix_features(trunk, F.pad(rows, (1, 0), value=BOS), 7)
    for kept in range(8):
        padded = F.pad(rows[:, :kept], (0, 7 - kept), value=PAD)
        torch.testing.assert_close(found[:, kept], trunk(padded))


@with_and_without_end
def test_probabilities_of_all_sequences_sum_to_one(ends):
    generator = make(ends=ends, vocabulary=5 if ends else 3)
    rows = every_row(generator.vocabulary, 3)
    chances = generator.sequence_log_prob(rows).exp()
    assert chances.sum().item() == pytest.approx(1, abs=1e-5)
    assert chances.max() > 3 / (chances > 0).sum()
    with at_temperature(generator, 0.5):
        assert generator.sequence_log_prob(rows).exp().sum().item() == pytest.approx(1, abs=1e-5)


@with_and_without_end
def test_stepping_gives_the_logits_of_whole_sequences(ends):
    generator = make(7, 9, ends=ends, step=3)
    tokens = generator.sample(20, rng=seeded(1))
    whole, running = generator.logits(tokens), generator.token_mask(tokens)
    inputs = torch.full((20,), generator.bos)
    state, stepper = generator.start(torch.empty(20, 0, dtype=torch.int64)), generator.stepper()
    for time in range(9):
        kept = tuple(part.clone() for part in state)
        logits, following = generator.step(inputs, state)
        prepared = stepper.project(stepper.advance(inputs, state)[0])
        rows = running[:, time]
        torch.testing.assert_close(logits, whole[:, time], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(prepared[rows], whole[rows, time], atol=1e-5, rtol=1e-5)
        assert all(torch.equal(a, b) for a, b in zip(kept, state, strict=True))
        state, inputs = following, tokens[:, time]


def test_logits_are_action_embeddings_times_the_goals():
    """O_t w_t as the paper writes it, in loops."""
    generator = make(6, 5, step=2)
    rows = torch.tensor([[3, 4, 5, 3, 4]])
    goals = generator.goals(generator.features(rows))
    torch.testing.assert_close(goals.norm(dim=-1), torch.ones(1, 6))
    inputs = F.pad(rows[:, :-1], (1, 0), value=BOS)
    hidden = generator.worker(generator.embedding(inputs))[0][0]
    weight = generator.output.weight.view(6, 3, 6)  # [V,k,H+1]
    for t in range(5):
        action = weight[..., :-1] @ hidden[t] + weight[..., -1]
        recent = [goals[0, t - i] @ generator.psi.weight.t() for i in (1, 2) if i <= t]
        wanted = torch.stack([*recent, *[generator.first] * (2 - len(recent))]).sum(0)
        logits = action @ (wanted / wanted.norm())
        torch.testing.assert_close(generator.logits(rows)[0, t, 2:], logits[2:])


def test_the_leak_decides_what_is_written_and_no_gradient_reaches_it_or_the_manager():
    generator = make(6, 5)
    rows = generator.sample(30, rng=seeded(1))
    before = generator.log_probs(rows)
    loss = -before.sum()
    names = [name for name, p in generator.named_parameters() if p.requires_grad]
    gradients = torch.autograd.grad(
        loss, [generator.get_parameter(n) for n in names], materialize_grads=True
    )
    moved = {name.split(".")[0] for name, g in zip(names, gradients, strict=True) if g.any()}
    assert moved == {"embedding", "worker", "psi", "first", "output"}
    assert not any(p.requires_grad for p in generator.trunk.parameters())
    other = TextCNN(generator.config.trunk, 6, 5, pad=PAD)
    generator.leak_from(other)
    assert not torch.allclose(generator.log_probs(rows), before)


def test_completions_follow_the_law_of_samples():
    """The share of first tokens after a prefix, by rollouts and by probabilities."""
    generator = make(5, 4)
    rows = torch.tensor([[3, 4, 3, 4]])
    found = complete_prefixes(generator.stepper(), rows, 4000, seeded(1), 1024)
    for kept in (1, 2):
        chances = generator.logits(rows)[0, kept].softmax(-1)
        counts = found[kept - 1, 0, :, kept].bincount(minlength=5) / 4000
        assert (counts - chances).abs().max() < 0.04
    assert chances.max() > 0.3


def test_a_saved_model_has_the_leak(tmp_path):
    tokenizer = train_tokenizer("word", ["a b c d"] * 3)
    generator = make(tokenizer.vocabulary_size, 6)
    generator.leak_from(TextCNN(generator.config.trunk, tokenizer.vocabulary_size, 6, pad=PAD))
    save_text_model(tmp_path / "model", generator, tokenizer)
    loaded = load_text_model(tmp_path).generator
    rows = generator.sample(20, rng=seeded(1))
    assert torch.equal(loaded.sample(20, rng=seeded(1)), rows)
    torch.testing.assert_close(loaded.log_probs(rows), generator.log_probs(rows))


def test_impossible_sizes_are_refused():
    with pytest.raises(UsageError, match="rows have 3 tokens, but a goal looks 4 ahead"):
        make(5, 3, step=4)
    with pytest.raises(UsageError, match="takes no condition"):
        make(5, 3, given=2)
