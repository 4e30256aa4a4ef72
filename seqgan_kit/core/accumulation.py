"""Gradient accumulation: the gradient of one batch, computed in several parts to save memory.

A loss that is a mean over items (rows or tokens) is, for parts p with n_p items each,

    L = sum_p n_p L_p / sum_p n_p          grad L = sum_p n_p grad L_p / sum_p n_p

What is drawn at random (samples, rollouts, pools) is drawn once for the whole batch, so the update is that of
the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from seqgan_kit.core.game import Batch, Game, Loss, Move, SplitLoss
from seqgan_kit.errors import UsageError


def split_loss(game: Game, name: str, parts: int) -> SplitLoss:
    """Return the two steps of a loss; raise UsageError if it needs the whole batch at once."""
    owner = _owner(type(game), name)
    # A class that redefines the loss does not mean the split of its base class.
    if not issubclass(_owner(type(game), "split"), owner):
        raise _refused(parts, name, f"{owner.__name__} does not tell it as a mean over rows")
    split = game.split(name)
    if isinstance(split, str):
        raise _refused(parts, name, split)
    for player, module in game.players.items():
        if _has_batch_norm(module):
            raise _refused(parts, name, f"{player} has batch normalisation, which reads all rows")
    return split


def accumulated(
    split: SplitLoss,
    batch: Batch,
    move: Move,
    parts: int,
    parameters: Sequence[nn.Parameter],
    backward: Callable[[Tensor], None],
    *,
    weights_first: bool = False,
) -> Loss:
    """Leave the gradient of a batch's loss in ``parameters``, and return the loss.

    Args:
        split: the loss in two steps.
        batch: the batch.
        move: the position in the run.
        parts: number of parts, at most one for each row.
        parameters: what learns.
        backward: adds a scalar's gradient to that of the parameters.
        weights_first: weight a part before its backward pass instead of after the last one, because these
            passes average over processes with other numbers of items.
    """
    found, items = list[Loss](), list[Tensor]()
    cut = row_parts(split.draw(batch, move), parts)
    before = sum(float(_items(split, rows)) for rows in cut) if weights_first else 1.0
    for rows in cut:
        loss = split.mean(rows, move)
        count = torch.as_tensor(loss.items, dtype=torch.float32, device=loss.total.device)
        if weights_first and float(count) != float(_items(split, rows)):
            raise ValueError(
                f"a part has {float(count):g} items; its SplitLoss tells another number."
            )
        if loss.learns:
            backward(loss.total * count / max(before, 1.0))
        found.append(Loss(loss.total.detach(), _detached(loss.logs), loss.learns))
        items.append(count)
    total = sum(items, torch.zeros_like(items[0])).clamp(min=1)
    for parameter in () if weights_first else parameters:
        if parameter.grad is not None:
            parameter.grad /= total
    shares = [count / total for count in items]
    logs = {name: _mean((loss.logs[name] for loss in found), shares) for name in found[0].logs}
    return Loss(
        _mean((loss.total for loss in found), shares), logs, any(loss.learns for loss in found)
    )


def row_parts(batch: Batch, parts: int) -> list[dict[str, Tensor]]:
    """Return the rows of all tensors [N,...] in at most ``parts`` parts of nearly equal size."""
    rows = len(next(iter(batch.values())))
    cut = {name: tensor.tensor_split(min(parts, rows)) for name, tensor in batch.items()}
    return [
        {name: pieces[part] for name, pieces in cut.items()} for part in range(min(parts, rows))
    ]


def _items(split: SplitLoss, rows: Batch) -> Tensor | float:
    return float(len(next(iter(rows.values())))) if split.items is None else split.items(rows)


def _mean(values: Iterable[Tensor | float], shares: Sequence[Tensor]) -> Tensor:
    weighted = [torch.as_tensor(v) * share for v, share in zip(values, shares, strict=True)]
    return torch.stack(weighted).sum(0)


def _detached(logs: Mapping[str, Tensor | float]) -> dict[str, Tensor | float]:
    return {name: v.detach() if isinstance(v, Tensor) else v for name, v in logs.items()}


def _owner(kind: type, method: str) -> type:
    """Return the class that defines a method."""
    return next(owner for owner in kind.__mro__ if method in vars(owner))


def _has_batch_norm(module: nn.Module) -> bool:
    return any(isinstance(part, _BatchNorm) for part in module.modules())


def _refused(parts: int, loss: str, why: str) -> UsageError:
    return UsageError(
        f"--accumulate {parts}: {loss} cannot be computed in parts ({why}). Leave it at 1 and use a smaller "
        "--batch-size."
    )
