"""A codebook updated by running means (van den Oord et al. 2017, "Neural discrete representation
learning", appendix A.1), with unused codes restarted at vectors of the batch.

    code of z = argmin_k |z - e_k|
    N_k <- g N_k + (1-g) n_k,    m_k <- g m_k + (1-g) sum of the z that chose k,    e_k = m_k / N_k

The gradient of a quantised vector is passed to z unchanged (straight-through).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgan_kit.core.bounds import Several, Share, Size, bounded

_LEAST_COUNT = 1e-5


@dataclass(frozen=True)
@bounded
class QuantiserConfig:
    """The shape of a codebook."""

    codes: Several = 512
    """K: number of codes (512 in the paper)."""
    dimensions: Size = 64
    """Dimensions of a code (64 in the paper)."""
    decay: Share = 0.99
    """g: decay of the running counts and sums."""
    restart_below: Share = 0.05
    """Codes whose running count is below this share of the mean count restart at a vector of the batch."""


@dataclass(frozen=True)
class Quantised:
    """Vectors replaced by codes."""

    vectors: Tensor
    """Vectors [N,D,h,w] of the codes; their gradient goes to the vectors that were quantised."""
    codes: Tensor
    """Codes [N,h,w], as indices."""
    commitment: Tensor
    """Mean squared distance of vectors to their codes, with a gradient to the vectors alone."""


class VectorQuantiser(nn.Module):
    """A codebook in buffers that changes only in :meth:`follow`."""

    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, config: QuantiserConfig):
        super().__init__()
        self.config = config
        self.register_buffer("vectors", torch.randn(config.codes, config.dimensions))
        self.register_buffer("counts", torch.ones(config.codes))
        self.register_buffer("sums", self.vectors.clone())

    def forward(self, z: Tensor) -> Quantised:
        """Quantise [N,D,h,w]."""
        rows = z.movedim(1, 3)
        codes = self._nearest(rows.detach().reshape(-1, self.config.dimensions)).view(
            rows.shape[:3]
        )
        chosen = self.look_up(codes)
        commitment = (z - chosen).square().mean()
        return Quantised(z + (chosen - z).detach(), codes, commitment)

    def look_up(self, codes: Tensor) -> Tensor:
        """Return the vectors [N,D,h,w] of codes [N,h,w]."""
        return self.vectors[codes].movedim(3, 1)

    @torch.no_grad()
    def follow(self, z: Tensor, codes: Tensor, rng: torch.Generator) -> None:
        """Move the codebook towards vectors [N,D,h,w] that chose codes [N,h,w]; restart dead codes."""
        rows = z.detach().movedim(1, 3).reshape(-1, self.config.dimensions)
        chosen, decay = codes.flatten(), self.config.decay
        counts = torch.bincount(chosen, minlength=self.config.codes).to(self.counts)
        sums = torch.zeros_like(self.sums).index_add_(0, chosen, rows.to(self.sums))
        self.counts.lerp_(counts, 1 - decay)
        self.sums.lerp_(sums, 1 - decay)
        self._restart(rows, rng)
        self.vectors.copy_(self.sums / self.counts.clamp_min(_LEAST_COUNT)[:, None])

    def perplexity(self) -> Tensor:
        """Return exp of the entropy of the running shares: how many codes are in use."""
        shares = self.counts / self.counts.sum().clamp_min(_LEAST_COUNT)
        return torch.special.entr(shares).sum().exp()

    def _restart(self, rows: Tensor, rng: torch.Generator) -> None:
        dead = self.counts < self.config.restart_below * self.counts.mean()
        if dead.any():
            places = torch.randint(len(rows), (int(dead.sum()),), generator=rng, device=rng.device)
            self.sums[dead] = rows[places.to(rows.device)].to(self.sums) * self.counts.mean()
            self.counts[dead] = self.counts.mean()

    def _nearest(self, rows: Tensor) -> Tensor:
        """Return the nearest codes: [M,D] -> [M]. A row's square is equal for all codes and left out."""
        distances = self.vectors.square().sum(1) - 2 * rows @ self.vectors.T
        return distances.argmin(1)
