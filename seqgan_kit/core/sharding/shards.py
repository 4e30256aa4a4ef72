"""Tensors that are divided among processes (torch's ``DTensor``), beside whole ones.

A sharded player has both: blocks whose parameters are shards, and whole parameters elsewhere. torch's
functions on lists of tensors refuse the mixture, so these functions treat the two kinds apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn


def is_shard(tensor: Any) -> bool:
    """Return whether a tensor is divided among processes."""
    # Importing torch.distributed.tensor, to ask for the class, would take time in every run.
    return hasattr(tensor, "full_tensor")


def whole(value: Any, *, keep: bool = True) -> Any:
    """Return a value with the parts of all processes, which must all call this.

    Args:
        value: a shard, or anything else, which is returned as it is.
        keep: False: return an empty tensor in place of a shard's, to save memory.
    """
    if not is_shard(value):
        return value
    full = value.detach().full_tensor()
    return full if keep else torch.empty(0)


def shard_like(value: Any, shard: Any) -> Any:
    """Return this process's part of a whole tensor, divided as ``shard`` is."""
    if not is_shard(shard) or is_shard(value) or value.shape != shard.shape:
        return value
    from torch.distributed.tensor import distribute_tensor

    placed = value.to(device=shard.to_local().device, dtype=shard.dtype)
    # Every process has the whole tensor, so none has to send it.
    return distribute_tensor(placed, shard.device_mesh, shard.placements, src_data_rank=None)


def local_bytes(tensors: Iterable[Tensor]) -> int:
    """Return the memory of the tensors on this process."""
    local = (cast(Any, t).to_local() if is_shard(t) else t for t in tensors)
    return sum(tensor.numel() * tensor.element_size() for tensor in local)


def parameter_groups(
    parameters: Sequence[nn.Parameter],
) -> Sequence[nn.Parameter] | list[dict[str, Any]]:
    """Return an optimizer's parameters: in one group, or whole ones and shards in a group each."""
    groups = _apart(parameters)
    return parameters if len(groups) == 1 else [{"params": group} for group in groups]


def total_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the norm of all tensors together; with shards among them, all processes must call this."""
    norms = [whole(torch.nn.utils.get_total_norm(group)) for group in _apart(tensors)]
    if not norms:
        return torch.zeros(())
    return norms[0] if len(norms) == 1 else torch.stack(norms).norm()


def clip_gradients(parameters: Sequence[nn.Parameter], most: float) -> Tensor:
    """Scale the gradients down to a norm of at most ``most``; return their norm before that."""
    if not any(is_shard(parameter) for parameter in parameters):
        return nn.utils.clip_grad_norm_(parameters, most)
    learning = [p for p in parameters if p.grad is not None]
    norm = total_norm([cast(Tensor, p.grad) for p in learning])
    for group in _apart(learning):
        nn.utils.clip_grads_with_norm_(group, most, norm)
    return norm


def whole_state(
    optimizer: torch.optim.Optimizer, parameters: Sequence[nn.Parameter], *, keep: bool
) -> dict[str, Any]:
    """Return an optimizer's state as that of the same players without shards.

    Args:
        optimizer: the optimizer.
        parameters: its parameters in the order of the players.
        keep: see :func:`whole`.
    """
    state = {
        number: {
            name: _to_cpu(whole(value, keep=keep)) if is_shard(value) else value
            for name, value in optimizer.state[parameter].items()
        }
        for number, parameter in enumerate(parameters)
        if parameter in optimizer.state
    }
    group = {**optimizer.param_groups[0], "params": list(range(len(parameters)))}
    return {"state": state, "param_groups": [group]}


def load_whole_state(
    optimizer: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
    saved: Mapping[str, Any],
) -> None:
    """Load what :func:`whole_state` returned, or the state of an optimizer without shards."""
    number_of = {id(parameter): number for number, parameter in enumerate(parameters)}
    state, groups, count = dict[int, Any](), [], 0
    (settings,) = saved["param_groups"]
    for group in optimizer.param_groups:
        for place, parameter in enumerate(group["params"], count):
            if (number := number_of[id(parameter)]) in saved["state"]:
                kept = saved["state"][number]
                state[place] = {name: shard_like(v, parameter) for name, v in kept.items()}
        following = count + len(group["params"])
        groups.append({**settings, "params": list(range(count, following))})
        count = following
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _apart(tensors: Sequence[Any]) -> list[list[Any]]:
    """Return the whole tensors and the shards, without empty groups."""
    shards = [tensor for tensor in tensors if is_shard(tensor)]
    others = [tensor for tensor in tensors if not is_shard(tensor)]
    return [group for group in (others, shards) if group]


def _to_cpu(value: Tensor) -> Tensor:
    return value.cpu()
