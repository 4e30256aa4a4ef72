"""A player whose blocks are divided among the processes by torch's FSDP2 (``fully_shard``).

Losses with a gradient gather one block at a time, forward and backward, and leave each process its part of
the gradient. Without a gradient (samples, rollouts, scores), all blocks are gathered at once and kept until
the next pass with a gradient: processes sample for different numbers of steps, so they could not gather
in step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from seqgan_kit.core.sharding.shards import local_bytes, shard_like, whole
from seqgan_kit.errors import UsageError


@runtime_checkable
class HasBlocks(Protocol):
    """A network whose blocks can be divided."""

    def separate_blocks(self) -> Sequence[nn.Module]:
        """Return the blocks. Their parameters must be read by their own methods only: ``forward``, and those
        that the attribute ``steps`` of a block names, which have no gradient."""


def separate_blocks(player: nn.Module) -> list[nn.Module]:
    """Return all blocks of a player that can be divided."""
    owners = [part for part in player.modules() if isinstance(part, HasBlocks)]
    return [block for owner in owners for block in owner.separate_blocks()]


class ShardedPlayer:
    """A player with its blocks divided among the processes of ``mesh``.

    Args:
        player: the player, equal on all processes. Its blocks are changed in place.
        mesh: the processes.
    """

    def __init__(self, player: nn.Module, mesh: Any):
        from torch.distributed.fsdp import fully_shard

        self.player, self.blocks = player, separate_blocks(player)
        self._hollow = _hollow(player)
        self._is_whole, self._inside = False, 0
        for block in self.blocks:
            fully_shard(block, mesh=mesh, reshard_after_forward=True)
            block.register_forward_pre_hook(self._enter, prepend=True)
            block.register_forward_hook(self._leave, always_call=True)
            for name in getattr(block, "steps", ()):
                setattr(block, name, self._step(getattr(block, name)))

    def gather(self) -> None:
        """Make all parameters whole on every process, until :meth:`scatter`."""
        if not self._is_whole:
            for block in self._divided():
                block.set_reshard_after_forward(False)
                block.unshard()
        self._is_whole = True

    def scatter(self) -> None:
        """Keep only this process's part of the parameters."""
        for block in self._divided() if self._is_whole else ():
            block.set_reshard_after_forward(True)
            block.reshard()
        self._is_whole = False

    def gathered_bytes(self) -> int:
        """Return the memory that :meth:`gather` takes."""
        shards = [p for block in self.blocks for p in block.parameters()]
        return sum(p.numel() * p.element_size() for p in shards) - local_bytes(shards)

    def whole_state(self, *, keep: bool) -> dict[str, Any]:
        """Return the player's state with whole tensors; all processes must call this.

        Args:
            keep: see :func:`~seqgan_kit.core.sharding.shards.whole`.
        """
        self.scatter()
        return {name: whole(v, keep=keep) for name, v in self.player.state_dict().items()}

    def load_whole_state(self, state: Mapping[str, Any]) -> None:
        """Load a state with whole tensors, the same on all processes."""
        self.scatter()
        own = self.player.state_dict()
        divided = {name: shard_like(value, own.get(name)) for name, value in state.items()}
        self.player.load_state_dict(divided)

    def twin(self, state: Mapping[str, Any]) -> nn.Module:
        """Return an ordinary player that has these whole tensors as its parameters."""
        made = copy.deepcopy(self._hollow)
        made.load_state_dict(dict(state), assign=True)
        return made.train(self.player.training)

    def _divided(self) -> Iterator[Any]:
        return iter(cast(Sequence[Any], self.blocks))

    def _enter(self, block: nn.Module, arguments: tuple[Any, ...]) -> None:
        self._inside += 1
        self._prepare()

    def _leave(self, block: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        self._inside -= 1

    def _prepare(self) -> None:
        if torch.is_grad_enabled():
            self.scatter()
        else:
            self.gather()

    def _step(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method of a block that gathers the player first, as ``forward`` does."""

        def gathering(*arguments: Any, **named: Any) -> Any:
            if not self._inside:
                if torch.is_grad_enabled():
                    raise UsageError(
                        "--shard: this method needs gradients through single steps of "
                        f"{type(self.player).__name__}, which a sharded network cannot give: leave out "
                        "--shard, or use a generator of the transformers library (--generator hf:MODEL)."
                    )
                self.gather()
            return method(*arguments, **named)

        return gathering


def _hollow(player: nn.Module) -> nn.Module:
    """Return a copy of a player whose parameters take no memory."""
    empty: dict[int, Any] = {
        id(p): nn.Parameter(torch.empty_like(p, device="meta"), requires_grad=p.requires_grad)
        for p in player.parameters()
    }
    return copy.deepcopy(player, empty)


def parameter_count(tensors: Iterator[Tensor]) -> int:
    """Return the number of all their elements."""
    return sum(tensor.numel() for tensor in tensors)
