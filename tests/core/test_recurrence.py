"""Recurrent networks under autocast on CPUs with and without a bfloat16 kernel for them."""

import os
import subprocess
import sys

import pytest
import torch

from seqgan_kit.core import recurrence
from seqgan_kit.core.recurrence import has_bfloat16_lstm, recurrent_precision
from seqgan_kit.sequences.discriminators.birnn import BiRNN, BiRNNConfig
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice, build_generator
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig

pytestmark = pytest.mark.numerics

TINY = {
    "lstm": LSTMConfig(embedding=4, hidden=6, layers=2, initial_std=0.8),
    "relational": RelationalConfig(embedding=4, slots=2, heads=2, head_size=3),
}


def under_autocast(compute):
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        return compute()


@pytest.fixture
def no_kernel(monkeypatch):
    monkeypatch.setattr(recurrence, "has_bfloat16_lstm", lambda: False)


@pytest.fixture(params=TINY)
def generator(request):
    choice = GeneratorChoice(request.param, **TINY)
    rng = torch.Generator().manual_seed(0)
    return build_generator(choice, 7, 5, bos=1, eos=2, pad=0, rng=rng).eval()


def stepped(generator, inputs):
    """The last hidden state by single steps of ids [B,T] or soft one-hots [B,T,V]."""
    state, hidden = generator.start(torch.empty(len(inputs), 0, dtype=torch.int64)), torch.empty(0)
    for column in inputs.unbind(1):
        hidden, state = generator.advance(column, state)
    return hidden


def looked_up(generator, tokens):
    """The last hidden state by the prepared stepper; many rows, so that it makes its table."""
    state, stepper, hidden = (
        generator.start(torch.empty(len(tokens), 0, dtype=torch.int64)),
        generator.stepper(),
        None,
    )
    for column in tokens.unbind(1):
        hidden, state = stepper.advance(column, state)
    return hidden


@pytest.mark.parametrize("soft", [False, True])
def test_a_generator_is_float32_bit_for_bit_without_a_kernel(no_kernel, generator, soft):
    tokens = torch.randint(3, 7, (9, 5), generator=torch.Generator().manual_seed(1))
    inputs = torch.nn.functional.one_hot(tokens, 7).float() if soft else tokens
    ways = [lambda: generator.encode(inputs), lambda: stepped(generator, inputs)]
    for way in ways if soft else [*ways, lambda: looked_up(generator, tokens)]:
        assert torch.equal(under_autocast(way), way())


@pytest.mark.parametrize("soft", [False, True])
def test_a_reader_of_both_directions_is_too(no_kernel, soft):
    reader = BiRNN(BiRNNConfig(embedding=4, hidden=5, layers=2), 7, 5, pad=0).eval()
    tokens = torch.randint(0, 7, (9, 5))
    inputs = torch.nn.functional.one_hot(tokens, 7).float() if soft else tokens
    assert torch.equal(under_autocast(lambda: reader(inputs)), reader(inputs))


def test_autocast_is_left_alone_where_there_is_a_kernel(monkeypatch):
    monkeypatch.setattr(recurrence, "has_bfloat16_lstm", lambda: True)
    with torch.autocast("cpu", torch.bfloat16), recurrent_precision(torch.ones(1)):
        assert torch.is_autocast_enabled("cpu")


def test_autocast_is_off_inside_only(no_kernel):
    with torch.autocast("cpu", torch.bfloat16):
        with recurrent_precision(torch.ones(1)):
            assert not torch.is_autocast_enabled("cpu")
        with recurrent_precision(torch.ones(1, device="meta")):
            assert torch.is_autocast_enabled("cpu"), "another device has kernels of its own"
        assert torch.is_autocast_enabled("cpu")


def test_the_probe_says_the_same_in_any_context():
    """Its answer is kept for the whole process, and it draws no random number."""
    has_bfloat16_lstm.cache_clear()
    expected, state = has_bfloat16_lstm(), torch.get_rng_state()
    for context in (torch.inference_mode(), torch.no_grad(), torch.device("meta")):
        has_bfloat16_lstm.cache_clear()
        with context:
            assert has_bfloat16_lstm() is expected
    assert torch.equal(torch.get_rng_state(), state)


LSTM_IN_BFLOAT16 = """
import torch
from seqgan_kit.core.recurrence import has_bfloat16_lstm
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
generator = LSTMGenerator(LSTMConfig(), 7, 5, bos=1, eos=2, pad=0)
with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
    generator.log_probs(torch.full((3, 5), 4)).sum().backward()
print(has_bfloat16_lstm())
"""


def test_an_lstm_learns_in_bfloat16_on_a_processor_without_avx512():
    """oneDNN reads the limit on its instructions when a process starts."""
    done = subprocess.run(
        [sys.executable, "-c", LSTM_IN_BFLOAT16],
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": "AVX2"},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


CONVOLUTION_IN_BFLOAT16 = """
import torch
from seqgan_kit.core.recurrence import autocast_to_kernels
layers = torch.nn.Conv1d(2, 3, 2), torch.nn.ConvTranspose2d(2, 3, 2), torch.nn.Linear(2, 3)
with autocast_to_kernels("cpu", True):
    rows = layers[0](torch.ones(1, 2, 4, dtype=torch.bfloat16))
    image, flat = layers[1](torch.ones(1, 2, 4, 4)), layers[2](torch.ones(1, 2))
rows.sum().backward()
print(rows.dtype, image.dtype, flat.dtype)
"""


@pytest.mark.parametrize(("isa", "dtype"), [("AVX2", "float32"), ("", None)])
def test_convolutions_stay_in_float32_where_bfloat16_has_no_kernel(isa, dtype):
    """A slow reference kernel computes them there: a smoke run took minutes."""
    environment = os.environ | ({"ONEDNN_MAX_CPU_ISA": isa} if isa else {})
    done = subprocess.run(
        [sys.executable, "-c", CONVOLUTION_IN_BFLOAT16],
        env=environment,
        capture_output=True,
        text=True,
    )
    dtype = dtype or ("bfloat16" if has_bfloat16_lstm() else "float32")
    expected = f"torch.{dtype} torch.{dtype} torch.bfloat16\n"
    assert (done.stdout, done.returncode) == (expected, 0), done.stderr
