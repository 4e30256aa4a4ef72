"""Games small enough for hundreds of runs, with all kinds of state that resumption must restore.

Also a recipe: ``python tests/core/tiny_games.py --game seqgan --out DIR`` trains one from the command line.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Batch, EarlyStop, Epochs, Game, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import wasserstein
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.penalties import GradientPenalty
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.log import read_metrics
from seqgan_kit.core.runs.run import Run, RunSettings, open_run
from seqgan_kit.core.runs.runtime import seed_everything
from seqgan_kit.core.training.trainer import Hooks, Trainer
from seqgan_kit.methods import seqgan
from seqgan_kit.methods.seqgan import SeqGANMethod
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame, negative_log_likelihood

SETTINGS = RunSettings(quiet=True, threads=1)


@dataclass(frozen=True)
class Config:
    """A tiny game."""

    game: str = "seqgan"
    """seqgan, penalty, stopped or likelihood."""
    batch: int = 8
    """Rows a batch."""
    rounds: int = 4
    """Adversarial rounds."""
    pause_milliseconds: float = 0.0
    """Milliseconds of sleep in every update, so that a signal arrives during an update."""
    run: Annotated[RunSettings, flat] = SETTINGS


PRESETS = {"default": Config()}

VOCABULARY, LENGTH = 12, 6


def sentences(rows: int = 64) -> Tensor:
    """[rows,T] rows that rise from a random start, then EOS and PAD."""
    rng = torch.Generator().manual_seed(5)
    tokens = torch.zeros(rows, LENGTH, dtype=torch.int64)
    for row in tokens:
        words = int(torch.randint(2, LENGTH, (), generator=rng))
        first = int(torch.randint(4, VOCABULARY - words, (), generator=rng))
        row[:words] = torch.arange(first, first + words)
        row[words] = 2
    return tokens


def pictures(rows: int = 64) -> Tensor:
    """[rows,1,4,4] bright on a random diagonal."""
    rng = torch.Generator().manual_seed(5)
    return torch.eye(4).expand(rows, 1, 4, 4) + 0.1 * torch.randn(rows, 1, 4, 4, generator=rng)


class Painter(nn.Module):
    """A generator of pictures with batch norm, whose running statistics a checkpoint must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 16))

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """[n,1,4,4]."""
        noise = torch.randn(n, 3, generator=rng, device=rng.device)
        out: Tensor = self.net(noise)
        return out.view(n, 1, 4, 4)


class PenaltyGame(AdversarialGame):
    """A critic under a gradient penalty; a third player changes by rule and draws from every global RNG."""

    def __init__(self) -> None:
        trunk = nn.Sequential(
            nn.Conv2d(1, 4, 2, 2), nn.LeakyReLU(0.2), nn.Flatten(), nn.Dropout(0.2)
        )
        balance = nn.Module()
        balance.register_buffer("value", torch.zeros(()))
        super().__init__(
            Painter(), Discriminator(trunk.to(memory_format=torch.channels_last), 16), wasserstein(),
            penalties=(GradientPenalty(10.0),), others={"balance": balance},
        )  # fmt: skip

    def wander(self, batch: Batch, move: Move) -> dict[str, Tensor | float]:
        """A step of a walk by python's, numpy's and torch's global randomness."""
        import random

        step = random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002
        value = self.players["balance"].value
        assert isinstance(value, Tensor)
        value.add_(step)
        return {"balance": value.clone()}


def critic_moves(round_number: int) -> int:
    """More in the first round, as WGAN does."""
    return 3 if round_number == 0 else 2


def _seqgan(config: Config) -> tuple[Game, tuple[Phase, ...], dict[str, Tensor]]:
    method = SeqGANMethod(rollouts=2)
    training = FineTuning(
        mle_epochs=2, negatives=16, pretrain_pools=2, discriminator_epochs=0.25, rounds=config.rounds,
        generator_moves=2, pools=2, evaluate_every_epochs=1, evaluate_every_rounds=2,
    )  # fmt: skip
    generator = LSTMGenerator(
        LSTMConfig(embedding=6, hidden=6, dropout=0.3), VOCABULARY, LENGTH, bos=1, eos=2, pad=0
    )
    trunk = TextCNN(TextCNNConfig(embedding=5, filters=((2, 4), (3, 4))), VOCABULARY, LENGTH, pad=0)
    game = seqgan.build(generator, Discriminator(trunk, trunk.features), method, training)
    return game, seqgan.phases(method, training), {"real": sentences()}


def _penalty(config: Config) -> tuple[Game, tuple[Phase, ...], dict[str, Tensor]]:
    critic = Optimizer(1e-2, betas=(0.0, 0.9), schedule="linear", warmup_moves=4, clip_norm=5.0)
    painter = Optimizer(1e-2, "rmsprop", schedule="cosine", final_share=0.1)
    turns = (
        Turn(("discriminator",), loss="discriminator_loss", optimizer=critic, moves=critic_moves),
        Turn(("balance",), rule="wander", feed=None),
        Turn(("generator",), loss="generator_loss", optimizer=painter),
    )
    phase = Phase("adversarial", turns, config.rounds, evaluate_every_rounds=2, save_every_rounds=3)
    return PenaltyGame(), (phase,), {"real": pictures()}


def _stopped(config: Config) -> tuple[Game, tuple[Phase, ...], dict[str, Tensor]]:
    """A likelihood phase that stops early and goes back to its best, then a short one after it."""
    game, _, tensors = _likelihood(config)
    turn = Turn(("generator",), loss="mle_loss", optimizer=Optimizer(0.3), moves=2)
    stop = EarlyStop("nll", patience_evaluations=2)
    first = Phase("first", (turn,), 40, evaluate_every_rounds=1, early_stop=stop, keep=True)
    return game, (first, replace(first, name="second", rounds=2, early_stop=None)), tensors


def _likelihood(config: Config) -> tuple[Game, tuple[Phase, ...], dict[str, Tensor]]:
    generator = LSTMGenerator(
        LSTMConfig(embedding=6, hidden=6), VOCABULARY, LENGTH, bos=1, eos=2, pad=0
    )
    adam = Optimizer(1e-2, clip_norm=0.5)
    turn = Turn(("generator",), loss="mle_loss", optimizer=adam, moves=Epochs(1))
    # Rows of one length, so that a mean over tokens is a mean over rows on however many processes.
    even = sentences()
    even[:, :3] = even[:, :1] + torch.arange(3)
    even[:, 3:] = torch.tensor([2, 0, 0])
    return LikelihoodGame(generator), (Phase("mle", (turn,), config.rounds),), {"real": even}


GAMES = {"seqgan": _seqgan, "penalty": _penalty, "stopped": _stopped, "likelihood": _likelihood}


def evaluate(game: Game, rng: torch.Generator) -> dict[str, float]:
    """Draw from every source of randomness, as a careless evaluation does."""
    samples = game.sample(16, rng=rng).float()
    torch.rand(3), np.random.rand(3)  # noqa: NPY002
    values = {"mean": samples.mean().item()}
    if isinstance(game, LikelihoodGame):
        with torch.no_grad():
            values["nll"] = negative_log_likelihood(game.players["generator"], sentences(32)).item()
    return values


def draw(game: Game, rng: torch.Generator, path: Path) -> None:
    """Samples as JSON."""
    path.with_suffix(".txt").write_text(json.dumps(game.sample(4, rng=rng).tolist()))


def trainer(
    run: Run, config: Config, hooks: Hooks | None = None, feed: TensorFeed | None = None
) -> Trainer:
    """The trainer of a tiny game."""
    game, phases, tensors = GAMES[config.game](config)
    averages = {"generator": 0.9} if config.game == "penalty" else {}
    hooks = hooks or Hooks(evaluate, draw)
    made = Trainer(run, game, phases, feed or run.feed(tensors, config.batch), hooks, averages)
    if config.pause_milliseconds:
        before_moves(made, lambda _: time.sleep(config.pause_milliseconds / 1000))
    return made


def trainer_start(config: Config) -> dict[str, Tensor]:
    """Return the untrained players, as rank 0 builds them in a run of seed 0."""
    seed_everything(0)
    return {
        name: value.clone() for name, value in GAMES[config.game](config)[0].state_dict().items()
    }


def before_moves(made: Trainer, act: Callable[[int], None]) -> None:
    """Call ``act(n)`` inside the n-th update of the whole run, before anything has changed."""
    game = made.game
    loss, rule = game.loss, game.rule
    after = {turn.after_step for phase in made.phases for turn in phase.turns}

    def acting_loss(name: str, batch: Batch, move: Move) -> Loss:
        act(made.state.cursor.total_moves)
        return loss(name, batch, move)

    def acting_rule(name: str, batch: Batch, move: Move) -> Mapping[str, Tensor | float]:
        if name not in after:
            act(made.state.cursor.total_moves)
        return rule(name, batch, move)

    game.loss, game.rule = acting_loss, acting_rule


class Killed(Exception):
    """Simulates `kill -9`: nothing is saved afterwards."""


def kill_in(move: int) -> Callable[[int], None]:
    """Raise the simulated kill inside that update."""

    def act(at: int) -> None:
        if at == move:
            raise Killed

    return act


def signal_in(move: int, number: int = signal.SIGTERM) -> Callable[[int], None]:
    """Send this process a signal inside that update."""

    def act(at: int) -> None:
        if at == move:
            signal.raise_signal(number)

    return act


def break_off_in(made: Trainer, move: int, number: int = signal.SIGTERM) -> None:
    """Signal this process at the end of that update's loss or rule, which then does not return."""
    game = made.game
    made.stop_wish.grace_seconds = 0.01
    loss, rule = game.loss, game.rule

    def waits(result: Any) -> Any:
        if made.state.cursor.total_moves == move and made.stop_wish.signal is None:
            signal.raise_signal(number)
            until = time.monotonic() + 20
            while time.monotonic() < until:
                time.sleep(0.005)
        return result

    game.loss = lambda name, batch, at: waits(loss(name, batch, at))
    game.rule = lambda name, batch, at: waits(rule(name, batch, at))


def play(
    config: Config,
    folder: Path,
    *,
    resume: bool = False,
    act: Callable[[int], None] | None = None,
    hooks: Hooks | None = None,
    prepare: Callable[[Trainer], None] = lambda made: None,
    **settings: Any,
) -> Trainer:
    """Train a tiny game in a folder, in this process."""
    place = {"resume": folder} if resume else {"out": folder}
    told = replace(config, run=replace(config.run, **place, **settings))
    with open_run("tiny", told) as run:
        made = trainer(run, told, hooks)
        if act is not None:
            before_moves(made, act)
        prepare(made)
        made.fit()
    return made


def last_checkpoint(folder: Path) -> dict[str, Any]:
    """Return the state of the run without the length of metrics.jsonl (its seconds have many digits) and
    the settings (how often it saves, how long it sleeps)."""
    path = max((folder / "checkpoints").glob("move-*.pt"))
    state: dict[str, Any] = torch.load(path, weights_only=True)
    del state["metrics_bytes"], state["settings"]
    return state


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return metrics.jsonl without times."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read_metrics(folder)]


def differences(a: Any, b: Any, where: str = "") -> list[str]:
    """Return the paths at which two nested states differ in any bit."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        same = (
            a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()
        )
        return [] if same else [where]
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return [f"{where}: {sorted(map(str, a.keys() ^ b.keys()))}"]
        return [d for key in a for d in differences(a[key], b[key], f"{where}.{key}")]
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        if len(a) != len(b):
            return [f"{where}: lengths {len(a)}, {len(b)}"]
        return [
            d
            for i, (x, y) in enumerate(zip(a, b, strict=True))
            for d in differences(x, y, f"{where}[{i}]")
        ]
    return [] if a == b and type(a) is type(b) else [f"{where}: {a!r}, {b!r}"]


def run_differences(one: Path, other: Path) -> list[str]:
    """Return differences between the ends of two runs: last checkpoint, metrics, samples."""
    found = differences(last_checkpoint(one), last_checkpoint(other))
    found += differences(rows(one), rows(other), "metrics")
    drawn = [{p.name: p.read_text() for p in (f / "samples").iterdir()} for f in (one, other)]
    return found + differences(*drawn, "samples")


def main(config: Config) -> None:
    """Train the game that the command line names."""
    with open_run("tiny", config) as run:
        trainer(run, config).fit()


if __name__ == "__main__":
    launch(main, PRESETS)
