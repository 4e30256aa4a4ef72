"""Generators are proper distributions, and stepping is the same network as reading whole sequences."""

import itertools
import math

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice, build_generator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator, lstm_cell

pytestmark = pytest.mark.numerics

PAD, BOS, EOS = 0, 1, 2


def make(vocabulary=5, length=3, *, ends=True, std=1.0, **config):
    config = {"embedding": 4, "hidden": 6, "initial_std": std} | config
    rng = torch.Generator().manual_seed(0)
    tokens = {"bos": BOS, "eos": EOS, "pad": PAD} if ends else {"bos": 0, "eos": None, "pad": None}
    return LSTMGenerator(LSTMConfig(**config), vocabulary, length, **tokens, rng=rng).eval()


def every_row(vocabulary, length):
    return torch.tensor(list(itertools.product(range(vocabulary), repeat=length)))


def test_fixed_length_world_sums_to_one_over_all_rows():
    generator = make(3, 3, ends=False)
    log_probs = generator.sequence_log_prob(every_row(3, 3))
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert log_probs.exp().min() > 0  # the start token is an ordinary token there


def test_ending_world_sums_to_one_over_sequences_that_can_be():
    """Of all 5^3 rows only EOS-then-PAD ones and unfinished ones have probability."""
    generator = make()
    rows = every_row(5, 3)
    probabilities = generator.sequence_log_prob(rows).exp()
    assert probabilities.sum().item() == pytest.approx(1, abs=1e-5)
    words = {3, 4}
    for row, probability in zip(rows.tolist(), probabilities.tolist(), strict=True):
        end = row.index(EOS) if EOS in row else 3
        possible = set(row[:end]) <= words and set(row[end + 1 :]) <= {PAD}
        assert (probability > 0) == possible, row


def test_log_probs_are_the_log_softmax_of_the_logits():
    generator = make(length=6)
    tokens = torch.tensor([[3, 4, EOS, PAD, PAD, PAD], [4, 4, 3, 3, 4, 3]])
    expected = generator.logits(tokens).log_softmax(-1).gather(2, tokens[..., None]).squeeze(2)
    torch.testing.assert_close(generator.log_probs(tokens), expected)
    assert (generator.log_probs(tokens)[0, 3:] == 0).all()


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("ends", [True, False])
def test_stepping_gives_the_logits_of_whole_sequences(layers, ends):
    generator = make(7, 9, ends=ends, layers=layers, dropout=0.0)
    tokens = generator.sample(20, rng=torch.Generator().manual_seed(1))
    whole = generator.logits(tokens)
    inputs, state = (
        torch.full((20,), generator.bos),
        generator.start(torch.empty(20, 0, dtype=torch.int64)),
    )
    stepper, fast_state = (
        generator.stepper(),
        generator.start(torch.empty(20, 0, dtype=torch.int64)),
    )
    running = generator.token_mask(tokens)
    for time in range(9):
        logits, state = generator.step(inputs, state)
        torch.testing.assert_close(logits, whole[:, time], atol=1e-5, rtol=1e-5)
        hidden, fast_state = stepper.advance(inputs, fast_state)
        rows = running[:, time]
        torch.testing.assert_close(
            stepper.project(hidden)[rows], whole[rows, time], atol=1e-5, rtol=1e-5
        )
        inputs = tokens[:, time]


def test_soft_one_hots_step_and_encode_like_ids():
    generator = make(7, 5)
    tokens = torch.randint(3, 7, (4, 5))
    soft = torch.nn.functional.one_hot(tokens, 7).float()
    torch.testing.assert_close(generator.encode(soft), generator.encode(tokens))
    state = generator.start(torch.empty(4, 0, dtype=torch.int64))
    torch.testing.assert_close(
        generator.step(soft[:, 0], state)[0], generator.step(tokens[:, 0], state)[0]
    )


def test_cell_follows_its_equations():
    gates, cell = torch.randn(2, 12), torch.randn(2, 3)
    i, f, g, o = gates.view(2, 4, 3).unbind(1)
    new_cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    hidden, returned = lstm_cell(gates, cell)
    torch.testing.assert_close(returned, new_cell)
    torch.testing.assert_close(hidden, torch.sigmoid(o) * torch.tanh(new_cell))


def test_gradient_reaches_every_parameter_and_no_forbidden_token():
    generator = make(length=4)
    tokens = torch.tensor([[3, 4, EOS, PAD], [4, 3, 4, 4]])
    generator.log_probs(tokens).sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert (generator.output.bias.grad[[PAD, BOS]] == 0).all()
    # d/db of log softmax sums to 0 over the vocabulary
    assert generator.output.bias.grad.sum().item() == pytest.approx(0, abs=1e-5)


def test_dropout_acts_in_training_only():
    generator = make(length=5, dropout=0.5, layers=2)
    tokens = torch.full((3, 5), 4)
    torch.testing.assert_close(generator.logits(tokens), generator.logits(tokens))
    generator.train()
    assert not torch.equal(generator.logits(tokens), generator.logits(tokens))


def test_logits_stay_float32_under_autocast():
    generator = make(length=5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert generator.logits(torch.full((3, 5), 4)).dtype == torch.float32


def test_initial_std_and_explicit_randomness():
    oracle = make(400, 5, ends=False, embedding=32, hidden=32)
    weights = torch.cat([p.flatten() for p in oracle.parameters()])
    assert weights.std().item() == pytest.approx(1, abs=4 / math.sqrt(2 * weights.numel()))
    again = make(400, 5, ends=False, embedding=32, hidden=32)
    assert all(
        torch.equal(a, b) for a, b in zip(oracle.parameters(), again.parameters(), strict=True)
    )


def test_mask_is_no_part_of_the_saved_weights():
    assert "impossible" not in make().state_dict()


def test_registry_names_what_exists():
    built = build_generator(GeneratorChoice("lstm"), 10, 5, bos=BOS, eos=EOS, pad=PAD)
    assert isinstance(built, LSTMGenerator)
    with pytest.raises(UsageError, match=r"unknown generator 'lstn'. Did you mean 'lstm'\?"):
        build_generator(GeneratorChoice("lstn"), 10, 5, bos=BOS, eos=EOS, pad=PAD)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bos": 1, "eos": 2, "pad": None}, "eos needs pad"),
        ({"bos": 1, "eos": 1, "pad": 0}, "must be different ids from 0 to 4"),
        ({"bos": 5, "eos": None, "pad": None}, "must be different ids from 0 to 4"),
    ],
)
def test_special_tokens_are_checked(arguments, message):
    with pytest.raises(UsageError, match=message):
        LSTMGenerator(LSTMConfig(), 5, 3, **arguments)


def test_config_is_checked():
    with pytest.raises(UsageError, match=r"dropout is 1\.0; it must be 0 or more and below 1"):
        make(dropout=1.0)
    with pytest.raises(UsageError, match="vocabulary is 5 and the length 0; use at least 2 and 1"):
        make(length=0)
