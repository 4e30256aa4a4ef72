"""What training takes in memory: counted parts against what torch allocates, and when it is told."""

import json

import pytest
import torch
from torch import nn

from seqgan_kit.core.game import Game, Loss, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.training import memory_account as accounts
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.core.training.memory_account import memory_account, rows_in_a_part, saved_bytes
from seqgan_kit.core.training.trainer import Trainer

MIB = 2**20


class Squares(nn.Module):
    """x^2 twice for each row, and once for all: the backward pass keeps the inputs and the first square."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(256, 1024))

    def try_rows(self, count):
        shared = (self.weight * 1.0).square().sum()
        return shared + sum((self.weight * 1.0).square().square().sum() for _ in range(count))


class Pulls(Game):
    def pull_loss(self, batch, move):
        return Loss(self.players["a"].try_rows(1))


def stepper_of(game, *turns):
    phases = (Phase("p", turns),)
    return phases, GradientStepper(game, phases, Runtime(torch.device("cpu")))


def test_parts_are_those_that_torch_holds():
    """1 MiB of weights: Adam holds two more, SGD none; two squares keep two tensors of 1 MiB a row, and
    another square keeps one."""
    game = Pulls({"a": Squares(), "b": nn.Linear(1024, 512, bias=False)})
    adam, sgd = (Optimizer(0.1, name) for name in ("adam", "sgd"))
    turns = (
        Turn(("a",), "pull_loss", optimizer=adam),
        Turn(("a", "b"), "pull_loss", optimizer=sgd),
    )
    account = memory_account(game, *stepper_of(game, *turns), 8)
    held = (account.parameters, account.gradients, account.optimizers, account.activations)
    assert [part / MIB for part in held] == [3, 3, 2, 17]
    assert account.line(8).startswith(
        "memory: training takes about 0.0 GiB (parameters 0.0, gradients 0.0, optimizers 0.0, activations of "
        "8 rows about 0.0)"
    )


def test_the_optimizers_state_is_as_large_as_told():
    game = Pulls({"a": Squares()})
    turn = Turn(("a",), "pull_loss", optimizer=Optimizer(0.1, "adamw"))
    _, stepper = stepper_of(game, turn)
    told = stepper.state_bytes()
    stepper.step(turn, {}, None, 0.0, tuple)
    state = stepper.state_dict()["optimizers"][0]["state"][0]
    assert told == sum(state[name].nbytes for name in ("exp_avg", "exp_avg_sq"))


def test_a_machine_with_less_memory_is_answered_with_advice(monkeypatch):
    monkeypatch.setattr(accounts, "machine_bytes", lambda: 10)
    line = accounts.MemoryAccount(2**30, 0, 2**31, 0).line(4)
    assert line.startswith("memory: training takes about 3.0 GiB (parameters 1.0, gradients 0.0")
    assert "and this machine has 0.0: raise --accumulate" in line


def test_a_language_model_tells_what_a_row_takes_and_stays_as_it_is():
    """Checkpointing keeps a small part; the row's activations are those of rows in a batch."""
    pytest.importorskip("transformers")
    from seqgan_kit.sequences.language_models.causal_generator import (
        LanguageModelGenerator,
        StoredLanguageModel,
    )

    shape = {"model_type": "gpt2", "n_embd": 32, "n_layer": 3, "n_head": 2, "n_positions": 16}
    found = []
    for checkpointing in (False, True):
        stored = StoredLanguageModel(architecture=json.dumps(shape), checkpointing=checkpointing)
        generator = LanguageModelGenerator(stored, 9, 12, bos=1, eos=2, pad=0, given=2).train()
        before = torch.get_rng_state()
        found.append(saved_bytes(generator).each)
        assert torch.equal(torch.get_rng_state(), before)
        assert all(p.grad is None for p in generator.parameters())
    # Per token and layer, in widths: 2 norms, 4 linear layers' inputs (7), keys, queries, values, attention's
    # output, and 4 before GELU; besides, masks of dropout, embeddings and the last layers.
    numbers = found[0] / 4 / (14 * 3 * 32)
    assert 16 < numbers < 24
    assert found[1] < found[0] / 4


def test_rows_are_those_of_the_largest_part():
    class Feed:
        batch_size = 10

    class Buffer(nn.Module):
        rows_at_once = 64

    game = Game({"experience": Buffer()})
    assert rows_in_a_part(game, {"train": Feed()}, 3) == 22
    assert rows_in_a_part(Game({}), {"train": Feed()}, 3) == 4
    assert rows_in_a_part(Game({}), {}, 3) == 0


def test_it_is_told_before_training_from_some_size_on(new_run, monkeypatch):
    said = []
    monkeypatch.setattr("seqgan_kit.core.runs.run.Run.say", lambda run, text: said.append(text))
    turn = Turn(("a",), "pull_loss", optimizer=Optimizer(0.1), feed=None)
    for size, name in ((2**30, "small"), (2**20, "large")):
        monkeypatch.setattr("seqgan_kit.core.training.trainer.TOLD_FROM_BYTES", size)
        Trainer(new_run(name), Pulls({"a": Squares()}), (Phase("p", (turn,)),), {}).fit()
    assert [line.startswith("memory: training takes") for line in said] == [True]
