"""Sharded players in a group of one process; two processes are in ``tests/core/test_distributed.py``."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn

from seqgan_kit.core.game import Game
from seqgan_kit.core.penalties import R1
from seqgan_kit.core.runs.run import RunSettings
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.sharding.sharded_player import ShardedPlayer
from seqgan_kit.core.sharding.sharding import shard_players
from seqgan_kit.core.sharding.shards import (
    clip_gradients,
    is_shard,
    load_whole_state,
    parameter_groups,
    whole_state,
)
from seqgan_kit.core.training.memory_account import MemoryAccount
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.transformer import TransformerConfig, TransformerGenerator

TWO = Runtime(torch.device("cpu"), world_size=2)


def transformer() -> TransformerGenerator:
    torch.manual_seed(3)
    config = TransformerConfig(width=8, heads=2, dropout=0.0)
    return TransformerGenerator(config, 9, 5, bos=1, eos=2, pad=0)


@pytest.fixture(scope="module")
def mesh() -> Iterator[Any]:
    """A mesh of this process alone."""
    from torch.distributed.device_mesh import init_device_mesh

    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    dist.destroy_process_group()


@pytest.fixture
def sharded(mesh: Any) -> ShardedPlayer:
    return ShardedPlayer(transformer(), mesh)


def is_divided(player: ShardedPlayer) -> set[bool]:
    return {is_shard(p) for block in player.blocks for p in block.parameters()}


ROWS = torch.tensor([[4, 5, 6, 2, 0], [7, 3, 2, 0, 0]])


class TestAPlayer:
    def test_it_is_gathered_without_a_gradient_until_there_is_one(
        self, sharded: ShardedPlayer
    ) -> None:
        """Sampling, whose steps differ in number between processes, must not wait for others."""
        generator, rng = sharded.player, torch.Generator().manual_seed(1)
        expected = transformer()
        assert is_divided(sharded) == {True}
        drawn = generator.sample(6, rng=rng)
        assert torch.equal(drawn, expected.sample(6, rng=torch.Generator().manual_seed(1)))
        assert is_divided(sharded) == {False}
        loss = generator.sequence_log_prob(ROWS).mean()
        assert is_divided(sharded) == {True}
        loss.backward()
        expected.sequence_log_prob(ROWS).mean().backward()
        for ours, theirs in zip(generator.parameters(), expected.parameters(), strict=True):
            assert ours.grad is not None
            grad = ours.grad.full_tensor() if is_shard(ours) else ours.grad
            torch.testing.assert_close(grad, theirs.grad)

    def test_single_steps_have_no_gradient(self, sharded: ShardedPlayer) -> None:
        generator = sharded.player
        with pytest.raises(UsageError, match=r"gradients through single steps of Transformer"):
            generator.advance(ROWS[:, 0], generator.start(ROWS[:, :0]))

    def test_its_twin_is_an_ordinary_player(self, sharded: ShardedPlayer) -> None:
        with torch.no_grad():
            sharded.blocks[0].expand.bias.add_(1.0)
        twin = sharded.twin(sharded.whole_state(keep=True))
        assert not any(is_shard(p) for p in twin.parameters())
        copied = copy.deepcopy(twin)
        for network in (twin, copied):
            found = network.sequence_log_prob(ROWS)
            torch.testing.assert_close(found, sharded.player.sequence_log_prob(ROWS))
        assert not torch.equal(found, transformer().sequence_log_prob(ROWS))

    def test_it_loads_an_ordinary_state(self, sharded: ShardedPlayer) -> None:
        other = transformer()
        with torch.no_grad():
            other.blocks[1].expand.weight.add_(0.5)
        sharded.load_whole_state(other.state_dict())
        found = sharded.player.sequence_log_prob(ROWS)
        torch.testing.assert_close(found, other.sequence_log_prob(ROWS))


def test_clipping_and_moments_are_those_of_a_plain_player(sharded: ShardedPlayer) -> None:
    """Norm, clipped gradients and Adam's moments, which load into either form."""
    states, norms = [], []
    for network in (sharded.player, transformer()):
        parameters = list(network.parameters())
        optimizer = torch.optim.Adam(parameter_groups(parameters), 0.1, fused=True)
        network.sequence_log_prob(ROWS).mean().backward()
        norms.append(clip_gradients(parameters, 0.01))
        optimizer.step()
        states.append(whole_state(optimizer, parameters, keep=True))
        load_whole_state(optimizer, parameters, states[0])
        again = whole_state(optimizer, parameters, keep=True)
        assert again["state"].keys() == set(range(len(parameters)))
        torch.testing.assert_close(again["state"], states[0]["state"])
    torch.testing.assert_close(*norms)
    torch.testing.assert_close(states[0]["state"], states[1]["state"])
    assert states[0]["param_groups"] == states[1]["param_groups"]


@pytest.mark.parametrize(
    ("settings", "runtime", "told"),
    [
        ({}, Runtime(torch.device("cpu")), "--nproc_per_node N"),
        ({"compile": True}, TWO, "--compile cannot be combined"),
        ({}, TWO, r"no player can be sharded \(generator: .* not above --shard-above 10,000,000"),
        (
            {"shard_above": 5},
            TWO,
            r"generator: it has a moving average; discriminator: 72 parameters, but .* no blocks",
        ),
    ],
)
def test_what_cannot_be_sharded_is_refused(
    settings: dict[str, Any], runtime: Runtime, told: str
) -> None:
    game = Game({"generator": transformer(), "discriminator": nn.Linear(8, 8)})
    with pytest.raises(UsageError, match=told):
        shard_players(
            game, RunSettings(shard=True, **settings), runtime, ["generator"], lambda player: 0
        )


def test_a_penalty_on_gradients_keeps_d_whole() -> None:
    game = Game({"discriminator": transformer()})
    game.penalties = (R1(1.0), SimpleNamespace(name="fits", works_in_blocks=True))
    with pytest.raises(UsageError, match=r"its penalty r1 needs more than gradients"):
        shard_players(game, RunSettings(shard=True, shard_above=0), TWO, [], lambda player: 0)


def test_the_memory_of_one_process_is_told() -> None:
    line = MemoryAccount(2**29, 2**28, 2**30, 2**30, gathered=2**29, processes=2).line(3)
    assert "about 3.2 GiB on each of 2 processes (parameters 0.5" in line
    assert "gathered from other processes while sampling 0.5" in line
