"""What several rooms' tests share: a fixed seed, a quiet run, tiny generators and discriminators."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.runs.run import Run, RunSettings, open_run
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator


@dataclass(frozen=True)
class RunConfig:
    """The least configuration that a run can be opened with."""

    run: RunSettings


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Operations on tiny tensors are slower on several threads, and many times so on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _hears_ctrl_c() -> None:
    """A shell's background ignores SIGINT, and so would all processes that tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _hears_sigterm() -> Iterator[None]:
    """A run that has lost a process ignores SIGTERM to its end, and so would all that later tests start."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(autouse=True)
def _same_weights_in_every_order() -> None:
    """Fresh networks draw their weights from torch's global generator."""
    torch.manual_seed(0)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def move(rng: torch.Generator) -> Move:
    """The only move of a phase of one round."""
    return Move("adversarial", 0, 1, rng)


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Opens quiet CPU runs in ``tmp_path/<name>``; they are closed when the test ends."""
    with ExitStack() as stack:

        def start(name: str = "run", **settings: object) -> Run:
            folder = tmp_path / name
            where = {"out": folder, "quiet": True, "device": "cpu"} | settings
            return stack.enter_context(open_run("test", RunConfig(RunSettings(**where))))  # type: ignore[arg-type]

        yield start


@pytest.fixture(scope="session")
def tiny_generator() -> Callable[..., LSTMGenerator]:
    """LSTM generators over a handful of tokens; PAD 0, BOS 1, EOS 2 unless told otherwise."""

    def build(vocabulary: int = 7, length: int = 5, **options: object) -> LSTMGenerator:
        tokens = {"bos": 1, "eos": 2, "pad": 0} | {
            k: v for k, v in options.items() if k in ("bos", "eos", "pad", "given")
        }
        shape = {"embedding": 3, "hidden": 4, "initial_std": 0.7} | {
            k: v for k, v in options.items() if k not in tokens
        }
        return LSTMGenerator(LSTMConfig(**shape), vocabulary, length, **tokens)  # type: ignore[arg-type]

    return build


@pytest.fixture(scope="session")
def tiny_text_discriminator() -> Callable[..., Discriminator]:
    """TextCNN discriminators with two small banks of filters and dropout."""

    def build(vocabulary: int = 7, length: int = 5, pad: int | None = 0) -> Discriminator:
        config = TextCNNConfig(embedding=3, filters=((1, 4), (2, 4)))
        trunk = TextCNN(config, vocabulary, length, pad=pad)
        return Discriminator(trunk, trunk.features)

    return build


class ScoreTable(nn.Module):
    """A trunk whose one feature is looked up by the whole sequence, read as a number in base V."""

    def __init__(self, scores: Tensor, vocabulary: int, length: int):
        super().__init__()
        self.register_buffer("scores", scores)
        self.register_buffer("places", vocabulary ** torch.arange(length))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.scores[(tokens * self.places).sum(1)].unsqueeze(1)


@pytest.fixture(scope="session")
def table_discriminator() -> Callable[[Tensor, int, int], Discriminator]:
    """Discriminators that score every sequence by an entry of a table [V**T]."""

    def build(scores: Tensor, vocabulary: int, length: int) -> Discriminator:
        return Discriminator(ScoreTable(scores, vocabulary, length), 1, score=nn.Identity())

    return build
