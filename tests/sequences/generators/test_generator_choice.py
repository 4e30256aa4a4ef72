"""What every generator owes the rest, whichever network it is: one contract, run over all of them.

A new kind adds a tiny configuration to TINY. Weights are large, so that distributions are far from uniform.
"""

import itertools
import math
from collections.abc import Mapping
from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.data.text.tokenizers import train_tokenizer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.text_export import load_text_model, save_text_model
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.generators.generator_choice import (
    CLASSIFIERS,
    ENCODER_DECODERS,
    GENERATORS,
    GeneratorChoice,
    build_generator,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig
from seqgan_kit.sequences.generators.tempered import tempered
from seqgan_kit.sequences.generators.transformer import TransformerConfig
from seqgan_kit.sequences.maximum_likelihood import sequence_log_probs
from seqgan_kit.sequences.sampling.rollout import complete_prefixes

pytestmark = pytest.mark.numerics

PAD, BOS, EOS = 0, 1, 2

TINY: Mapping[str, object] = {
    "lstm": LSTMConfig(embedding=4, hidden=6, layers=2, dropout=0.3, initial_std=0.8),
    "transformer": TransformerConfig(width=8, layers=2, heads=2, dropout=0.3, initial_std=0.5),
    "relational": RelationalConfig(embedding=4, slots=2, heads=2, head_size=3, dropout=0.3),
}

every_kind = pytest.mark.parametrize("kind", TINY)
with_and_without_end = pytest.mark.parametrize("ends", [False, True])


def make(kind, vocabulary=5, length=4, *, ends=True):
    tokens = {"bos": BOS, "eos": EOS, "pad": PAD} if ends else {"bos": 0, "eos": None, "pad": None}
    choice = replace(GeneratorChoice(kind), **{kind: TINY[kind]})
    generator = build_generator(choice, vocabulary, length, **tokens, rng=seeded()).eval()
    with torch.no_grad():
        generator.output.weight.normal_(0.0, 1.0, generator=seeded(1))
    return generator


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def every_row(vocabulary, length):
    return torch.tensor(list(itertools.product(range(vocabulary), repeat=length)))


def code(rows, vocabulary):
    """A number that identifies a whole row."""
    return (rows * vocabulary ** torch.arange(rows.shape[-1] - 1, -1, -1)).sum(-1)


def chi_square_z(counts, probabilities):
    """Pearson's statistic as a standard normal deviate (Wilson & Hilferty 1931); rare classes pooled."""
    assert (counts[probabilities == 0] == 0).all(), "a sequence of probability 0 was drawn"
    expected = probabilities.double() * counts.sum()
    rare = expected < 10
    observed = torch.cat([counts[~rare].double(), counts[rare].double().sum()[None]])
    expected = torch.cat([expected[~rare], expected[rare].sum()[None]])
    kept = expected > 0
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum().item()
    free = int(kept.sum()) - 1
    assert free >= 3, "too few classes to tell one law from another"
    return ((statistic / free) ** (1 / 3) - (1 - 2 / (9 * free))) / math.sqrt(2 / (9 * free))


@every_kind
def test_a_tempered_copy_is_the_generator_at_that_temperature(kind):
    """Same samples from the same numbers; probabilities p^(1/T), normalised."""
    generator = make(kind)
    cooled = tempered(generator, 0.5)
    tokens = generator.sample(50, rng=torch.Generator().manual_seed(1), temperature=0.5)
    assert torch.equal(cooled.sample(50, rng=torch.Generator().manual_seed(1)), tokens)
    at_one = generator.logits(tokens).log_softmax(-1)
    torch.testing.assert_close(cooled.logits(tokens).softmax(-1), (2 * at_one).softmax(-1))
    assert not torch.equal(cooled.output.weight, generator.output.weight)


def test_every_kind_is_under_contract():
    # Language models have tests of their own, since they need another library.
    assert {*TINY, *ENCODER_DECODERS, *CLASSIFIERS, "hf"} == set(GENERATORS)
    for kind in TINY:
        config, network = GENERATORS[kind]
        assert isinstance(TINY[kind], config)
        assert type(make(kind)) is network


def test_settings_of_generators_and_discriminators_go_onto_one_command_line():
    """Recipes have both without a name before them, so no two fields may be called alike."""
    ours, theirs = ({f.name for f in fields(c)} for c in (GeneratorChoice, DiscriminatorChoice))
    assert not ours & theirs


@every_kind
@with_and_without_end
def test_probabilities_of_all_sequences_sum_to_one(kind, ends):
    generator = make(kind, ends=ends)
    with torch.no_grad():
        probabilities = generator.sequence_log_prob(every_row(5, 4)).double().exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-5)
    assert probabilities.max() > 5 / len(probabilities), "a uniform law would prove little"
    possible = (probabilities > 0).sum().item()
    # Two words: 1 + 2 + 4 + 8 rows that end, 16 that do not.
    assert possible == (31 if ends else 5**4)


@every_kind
@with_and_without_end
def test_a_token_does_not_see_itself_or_what_follows(kind, ends):
    """Row t of the logits is the same whatever stands from t on."""
    generator = make(kind, 7, 6, ends=ends)
    first = torch.randint(3, 7, (9, 6), generator=seeded(1))
    for time in range(6):
        second = first.clone()
        second[:, time:] = torch.randint(3, 7, (9, 6 - time), generator=seeded(2))
        one, other = (generator.logits(rows)[:, : time + 1] for rows in (first, second))
        torch.testing.assert_close(one, other)
    changed = first.clone()
    changed[:, 0] = 3 + (first[:, 0] - 2) % 4
    assert not torch.allclose(generator.logits(first)[:, -1], generator.logits(changed)[:, -1])


@every_kind
@with_and_without_end
def test_stepping_gives_the_logits_of_whole_sequences(kind, ends):
    """By ids, by soft one-hots, and by the prepared stepper; the states passed in stay as they were."""
    generator = make(kind, 7, 9, ends=ends)
    tokens = generator.sample(20, rng=seeded(1))
    whole, running = generator.logits(tokens), generator.token_mask(tokens)
    inputs = torch.full((20,), generator.bos)
    state, stepper = generator.start(torch.empty(20, 0, dtype=torch.int64)), generator.stepper()
    for time in range(9):
        kept = tuple(part.clone() for part in state)
        hard, following = generator.step(inputs, state)
        soft, _ = generator.step(F.one_hot(inputs, 7).float(), state)
        prepared = stepper.project(stepper.advance(inputs, state)[0])
        rows = running[:, time]
        for logits in (hard[rows], soft[rows], prepared[rows]):
            torch.testing.assert_close(logits, whole[rows, time], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(hard, whole[:, time], atol=1e-5, rtol=1e-5)
        assert all(torch.equal(a, b) for a, b in zip(kept, state, strict=True))
        assert all(len(part) == 20 for part in following)
        state, inputs = following, tokens[:, time]


@every_kind
def test_soft_one_hots_are_read_like_ids_and_carry_a_gradient(kind):
    generator = make(kind, 7, 5)
    tokens = torch.randint(3, 7, (4, 5), generator=seeded())
    soft = F.one_hot(tokens, 7).float().requires_grad_()
    hidden = generator.encode(soft)
    torch.testing.assert_close(hidden, generator.encode(tokens))
    (gradient,) = torch.autograd.grad(hidden[:, -1].square().sum(), soft)
    assert (gradient.abs().sum((0, 2)) > 0).all(), "every position is seen from the last"


@every_kind
def test_a_mixture_is_read_as_the_mixture_of_embeddings(kind):
    """Half of token 3 and half of token 4 is neither of them."""
    generator = make(kind, 7, 5)
    threes, fours = (F.one_hot(torch.full((1, 5), token), 7).float() for token in (3, 4))
    halves = generator.encode((threes + fours) / 2)
    generator.embedding.weight.data[5] = generator.embedding.weight.data[3:5].mean(0)
    torch.testing.assert_close(halves, generator.encode(torch.full((1, 5), 5)))


@every_kind
def test_the_gradient_through_steps_is_that_through_whole_sequences(kind):
    """With the first input soft: d logits of the last step / d input."""
    generator = make(kind, 7, 4).double()
    soft = torch.randn(3, 4, 7, generator=seeded()).double().softmax(-1).requires_grad_()
    state, hidden = generator.start(torch.empty(3, 0, dtype=torch.int64)), torch.empty(0)
    for time in range(4):
        hidden, state = generator.advance(soft[:, time], state)
    whole = generator.encode(soft)[:, -1]
    (stepped,) = torch.autograd.grad(hidden.square().sum(), soft)
    (expected,) = torch.autograd.grad(whole.square().sum(), soft)
    torch.testing.assert_close(stepped, expected, atol=1e-12, rtol=1e-10)


@every_kind
@with_and_without_end
def test_samples_follow_the_enumerated_law(kind, ends):
    generator = make(kind, ends=ends)
    rows, draws = every_row(5, 4), 60_000
    with torch.no_grad():
        law = generator.sequence_log_prob(rows).exp()
    counts = code(generator.sample(draws, rng=seeded(3)), 5).bincount(minlength=5**4)
    assert counts.sum() == draws
    assert abs(chi_square_z(counts, law)) < 4
    other = make(kind, ends=ends)
    with torch.no_grad():
        other.output.weight *= 1.1
        law = other.sequence_log_prob(rows).exp()
    assert chi_square_z(counts, law) > 4, "the test would not notice another law"


@every_kind
@with_and_without_end
def test_completions_of_prefixes_follow_the_law(kind, ends):
    """P(rest | prefix) by enumeration, for a prefix of 1 token and its successor of 2."""
    generator = make(kind, ends=ends)
    prefix, copies = torch.tensor([3, 4, 3, 3]), 4000
    tokens = prefix.expand(copies, -1)
    with torch.no_grad():
        completions = complete_prefixes(generator.stepper(), tokens, 4, seeded(5), 512)
        law = generator.sequence_log_prob(every_row(5, 4)).double().exp()
    for kept in (1, 2):
        assert (completions[kept - 1, ..., :kept] == prefix[:kept]).all()
        starts_so = (every_row(5, 4)[:, :kept] == prefix[:kept]).all(1)
        given = torch.where(starts_so, law, 0.0)
        counts = code(completions[kept - 1].flatten(0, 1), 5).bincount(minlength=5**4)
        assert counts.sum() == 4 * copies
        assert abs(chi_square_z(counts, given / given.sum())) < 4, kept


@every_kind
def test_completions_do_not_depend_on_the_chunk(kind):
    generator = make(kind, 9, 7)
    tokens = generator.sample(11, rng=seeded())
    one, many = (
        complete_prefixes(generator.stepper(), tokens, 3, seeded(1), rows) for rows in (5, 512)
    )
    assert torch.equal(one, many)


@every_kind
@with_and_without_end
def test_a_saved_generator_scores_and_samples_as_before(kind, ends, tmp_path):
    tokenizer = train_tokenizer("word", ["a cat sat", "the cat"])
    generator = make(kind, tokenizer.vocabulary_size, 6, ends=ends)
    save_text_model(tmp_path / "model", generator, tokenizer)
    loaded = load_text_model(tmp_path).generator
    assert type(loaded) is type(generator)
    assert loaded.config == generator.config
    tokens = generator.sample(50, rng=seeded(4))
    assert torch.equal(loaded.sample(50, rng=seeded(4)), tokens)
    before, after = (sequence_log_probs(g, tokens) for g in (generator, loaded))
    assert torch.equal(before, after)
    assert before.std() > 0


@every_kind
def test_dropout_acts_in_training_and_can_be_turned_off_under_gradients(kind):
    generator, tokens = make(kind), torch.full((8, 4), 4)
    still = generator.logits(tokens)
    assert torch.equal(generator.logits(tokens), still)
    generator.train()
    assert not torch.equal(generator.logits(tokens), generator.logits(tokens))
    with without_dropout(generator):
        torch.testing.assert_close(generator.logits(tokens), still)
    assert not torch.equal(generator.logits(tokens), generator.logits(tokens))


@every_kind
def test_gradient_reaches_every_parameter(kind):
    generator = make(kind)
    generator.log_probs(torch.tensor([[3, 4, EOS, PAD], [4, 3, 4, 4]])).sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@every_kind
def test_weights_follow_the_generator_of_random_numbers(kind):
    one, same = (make(kind).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], same[name]) for name in one)


@every_kind
def test_logits_stay_float32_under_autocast(kind):
    generator = make(kind)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert generator.logits(torch.full((3, 4), 4)).dtype == torch.float32
        logits, state = generator.step(
            torch.full((3,), BOS), generator.start(torch.empty(3, 0, dtype=torch.int64))
        )
        assert logits.dtype == torch.float32
        assert generator.step(torch.full((3,), 4), state)[0].dtype == torch.float32
        assert generator.sample(5, rng=seeded()).shape == (5, 4)


@every_kind
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bos": 1, "eos": 2, "pad": None}, "eos needs pad"),
        ({"bos": 1, "eos": 1, "pad": 0}, "must be different ids from 0 to 4"),
        ({"bos": 5, "eos": None, "pad": None}, "must be different ids from 0 to 4"),
    ],
)
def test_special_tokens_are_checked(kind, arguments, message):
    with pytest.raises(UsageError, match=message):
        build_generator(GeneratorChoice(kind), 5, 3, **arguments)


@every_kind
@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_dropout_outside_its_range_is_refused(kind, dropout):
    with pytest.raises(UsageError, match=r"dropout is .*; it must be 0 or more and below 1"):
        replace(TINY[kind], dropout=dropout)
