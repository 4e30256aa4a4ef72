"""A trained image model, as returned by ``sk.load``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.sharing.shareable import Shareable

if TYPE_CHECKING:
    from torch import Tensor


class DrawsImages(Protocol):
    """Interface of an image model as its own package loads it."""

    def images(
        self, n: int, *, temperature: float = 1.0, seed: int = 0, condition: str | None = None
    ) -> Tensor:
        """[n,C,H,W] in [-1,1], or points [n,2]."""


class TrainedImageModel(Shareable):
    """A generator of images.

    Args:
        folder: folder that it was loaded from.
        loaded: the model as its own package loads it, which has more methods (``explore()``).
    """

    def __init__(self, folder: Path, loaded: Any):
        super().__init__(folder)
        self.loaded = loaded

    @property
    def generator(self) -> Any:
        """The network, a ``torch.nn.Module``."""
        return self.loaded.generator

    def sample(
        self, n: int, *, temperature: float = 1.0, seed: int = 0, condition: str | None = None
    ) -> NDArray[np.generic]:
        """Draw ``n`` images.

        Args:
            n: how many.
            temperature: scales the latent vectors: below 1 more typical and less varied images.
            seed: the same seed gives the same images.
            condition: ``label=class,...``, for a model that was trained with labels.

        Returns:
            An array [n,H,W,C] of uint8, from 0 to 255; for a model of points in the plane, floats [n,2].
        """
        drawn = cast(DrawsImages, self.loaded).images(
            n, temperature=temperature, seed=seed, condition=condition
        )
        if drawn.dim() != 4:
            return cast(NDArray[np.generic], drawn.cpu().numpy())
        return cast(
            NDArray[np.generic], to_uint8(drawn).permute(0, 2, 3, 1).contiguous().cpu().numpy()
        )

    def truncated(self, threshold: float) -> TrainedImageModel:
        """Return a model that draws noise within ``threshold``: less variety, more typical images."""
        cut = getattr(self.loaded, "truncated", None)
        if cut is None:
            raise UsageError(
                "this model does not draw images from noise alone, so nothing is to be truncated."
            )
        return TrainedImageModel(self.folder, cut(threshold))

    def translate(self, images: NDArray[np.uint8], *, reverse: bool = False) -> NDArray[np.generic]:
        """Translate images.

        Args:
            images: arrays [n,H,W,C] of uint8 of the model's size.
            reverse: translate from the targets back to the sources, by a model of two translators.
        """
        return self._made("reverse" if reverse else "translate", images)

    def rebuild(self, images: NDArray[np.uint8]) -> NDArray[np.generic]:
        """Encode and decode images [n,H,W,C] of uint8 by an autoencoder."""
        return self._made("rebuild", images)

    def edit(
        self,
        images: NDArray[np.uint8],
        condition: str | None = None,
        *,
        given: str | None = None,
        carry: bool = False,
    ) -> NDArray[np.generic]:
        """Change a label of images, by a model such as ``age_cgan``; what else they show is kept.

        Args:
            images: arrays [n,H,W,C] of uint8 of the model's size.
            condition: what to show, such as ``age=old``; without it, each result is a strip [H,(1+A)W,C] of
                the image and its edits to all A classes.
            given: what the images show; by default what the model's recogniser names.
            carry: whether to add the change to the given images, in place of returning the generator's own.
        """
        return self._made("edit", images, condition=condition, given=given, carry=carry)

    def detect(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the anomaly scores [n] of images [n,H,W,C] of uint8, by a model such as ``f_anogan``."""
        scores, _ = self._act("detect", images)
        return cast(NDArray[np.float32], scores.cpu().numpy())

    def decode(self, lines: Sequence[str]) -> NDArray[np.generic]:
        """Return images [n,H,W,C] of uint8 of rows of codes, by a model of codes such as a VQ-VAE.

        Args:
            lines: the codes of an image each, as a text model trained on the run's ``codes`` samples them.
        """
        act = getattr(self.loaded, "decode", None)
        if act is None:
            raise UsageError(
                f"the model in {self.folder} is of no codes, so it cannot decode; use sample()."
            )
        images, refused = act(lines)
        if refused:
            raise DataError(
                f"{len(refused):,} of {len(lines):,} lines are no rows of codes, the first of them "
                f"{refused[0][:60]!r}: leave them out."
            )
        pixels = to_uint8(images).permute(0, 2, 3, 1).contiguous()
        return cast(NDArray[np.generic], pixels.cpu().numpy())

    def _made(self, verb: str, images: NDArray[np.uint8], **options: Any) -> NDArray[np.generic]:
        made = to_uint8(self._act(verb, images, **options)).permute(0, 2, 3, 1).contiguous()
        return cast(NDArray[np.generic], made.numpy())

    def _act(self, verb: str, images: NDArray[np.uint8], **options: Any) -> Any:
        act = getattr(self.loaded, verb, None)
        if act is None:
            raise UsageError(
                f"the model in {self.folder} makes nothing of images, so it cannot {verb}; use sample()."
            )
        if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
            raise UsageError(
                f"images are an array [n,H,W,C] of uint8 with n of 1 or more; these are {images.dtype} of "
                f"shape {list(images.shape)}. Stack them, and give values from 0 to 255."
            )
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return act(to_float(pixels), **options)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.folder)!r})"
