"""A memory of earlier fakes for D (Shrivastava et al. 2017, "Learning from simulated and unsupervised images
through adversarial training", section 2.3; with 50 images in CycleGAN).

D's batch is half fresh fakes and half remembered ones, so that it does not forget what G used to make;
half of the fresh ones then take the places of random remembered ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgan_kit.errors import UsageError


class SampleMemory(nn.Module):
    """A player without parameters; private to its process.

    Args:
        capacity: how many samples it holds.
        shape: of one sample.
    """

    rows: Tensor
    held: Tensor

    def __init__(self, capacity: int, shape: tuple[int, ...]):
        super().__init__()
        if capacity < 1:
            raise UsageError(f"a memory of {capacity} samples holds none; use at least 1.")
        self.register_buffer("rows", torch.zeros(capacity, *shape))
        self.register_buffer("held", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def mixed(self, fresh: Tensor, rng: torch.Generator) -> Tensor:
        """Return as many samples as ``fresh`` [B,...], half of them remembered, and remember half.

        While it is not full, samples are added and the batch stays as it is.
        """
        capacity, held = len(self.rows), int(self.held)
        if held < capacity:
            new = fresh[: capacity - held]
            self.rows[held : held + len(new)] = new.to(self.rows)
            self.held.add_(len(new))
            return fresh
        count = min(len(fresh) // 2, capacity)
        if count == 0:
            return self._one(fresh, rng)
        places = torch.randperm(capacity, generator=rng, device=rng.device)[:count].to(fresh.device)
        remembered = self.rows[places].to(fresh)
        self.rows[places] = fresh[:count].to(self.rows)
        return torch.cat([remembered, fresh[count:]])

    def _one(self, fresh: Tensor, rng: torch.Generator) -> Tensor:
        """A batch of one: remembered every other time, as CycleGAN's authors have it."""
        if torch.rand((), generator=rng, device=rng.device) < 0.5:
            return fresh
        place = int(torch.randint(len(self.rows), (), generator=rng, device=rng.device))
        remembered = self.rows[place : place + 1].to(fresh, copy=True)
        self.rows[place] = fresh[0].to(self.rows)
        return remembered
