"""Explore the latent space of a trained model: interpolation, arithmetic, projection."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch
from PIL import Image
from torch import Tensor, nn

from image_gans.grids import enlargement, grid, save_grid, save_picture
from image_gans.latent.brushes import Brush, Outline, Strokes
from image_gans.latent.editing import edited, transferred
from image_gans.latent.principal_axes import principal_axes
from image_gans.latent.walks import Projection, linear, project, spherical, strip
from seqgan_kit.data.images.pixels import decode, to_float
from seqgan_kit.errors import DataError, UsageError, unknown

WayName = Literal["spherical", "linear"]
_WAYS = {"spherical": spherical, "linear": linear}
_CHUNK = 256  # Images per chunk; this limits the memory.
_MILLISECONDS = 80  # a frame of an animation

Select = Callable[[str, int, int], Tensor]
"""A function (condition, n, seed) to latent vectors [n,d] of that condition."""


@dataclass(frozen=True)
class Explorer:
    """A generator in eval mode with functions that sample its latent vectors."""

    generator: nn.Module
    draw: Callable[..., Tensor]
    """Function ``draw(n, seed=, condition=)`` -> [n,d]; conditional models take conditions."""
    folder: Path
    """Default folder of images."""
    select: Select | None = None
    """Function that finds latent vectors for a condition if ``draw`` takes none."""
    encode: Callable[[Tensor], Tensor] | None = None
    """Function from images [N,C,H,W] to latent vectors [N,d], of a model with an encoder."""

    @torch.no_grad()
    def interpolate(
        self,
        *,
        rows: int = 6,
        steps: int = 9,
        way: WayName = "spherical",
        seed: int = 0,
        condition: str | None = None,
        to: str | None = None,
        out: Path | None = None,
    ) -> Path:
        """Interpolate between random latent vectors: one row of images per path, or an animation in a
        ``.gif``.

        Args:
            rows: number of paths.
            steps: images on each path, including both ends.
            way: spherical, along the great circle, or linear.
            seed: the same seed gives the same paths.
            condition: condition of the start (and of the end, without ``to``).
            to: condition of the end, with the same noise as the start.
            out: a ``.png`` or ``.gif`` file.
        """
        if way not in get_args(WayName):
            raise unknown("way", way, get_args(WayName))
        if rows < 1:
            raise UsageError(f"--rows {rows}: must be 1 or more.")
        if to is None:
            starts, ends = self.draw(2 * rows, seed=seed, condition=condition).chunk(2)
        else:
            starts = self.draw(rows, seed=seed, condition=condition)
            ends = self.draw(rows, seed=seed, condition=to)
        pictures = strip(self.generator, starts, ends, steps, _WAYS[way])
        out = out if out is not None else self.folder / f"interpolation-seed-{seed}.png"
        if out.suffix.lower() == ".gif":
            return save_animation(pictures.unflatten(0, (rows, steps)).transpose(0, 1), out)
        return save_grid(pictures, out, columns=steps, scale=enlargement(pictures))

    @torch.no_grad()
    def between(
        self, first: int, second: int, steps: int = 9, *, condition: str | None = None
    ) -> Tensor:
        """Return images [steps,C,H,W] on the great circle between the first samples of two seeds."""
        start = self.draw(1, seed=first, condition=condition)
        end = self.draw(1, seed=second, condition=condition)
        return strip(self.generator, start, end, steps)

    @torch.no_grad()
    def axes(self, count: int, dimensions: int, *, samples: int = 1024, seed: int = 0) -> Tensor:
        """Return the directions [count,dimensions] of the noise along which the images change most.

        Args:
            count: number of directions; at most ``dimensions`` are returned.
            dimensions: number of noise dimensions, the first ones of a latent vector.
            samples: samples that they are measured on.
            seed: seed of the samples.
        """
        latents = self.draw(samples, seed=seed)
        images = torch.cat([self.generator(part) for part in latents.split(_CHUNK)])
        return principal_axes(latents[:, :dimensions], images, count)

    @torch.no_grad()
    def moved(
        self, seed: int, shifts: Tensor, axes: Tensor, *, condition: str | None = None
    ) -> Tensor:
        """Return the first sample [1,C,H,W] of a seed, its noise shifted by ``shifts`` [K] along ``axes``
        [K,dimensions]."""
        latents = self.draw(1, seed=seed, condition=condition)
        latents[:, : axes.shape[1]] += shifts.to(latents) @ axes.to(latents)
        return cast(Tensor, self.generator(latents))

    def nearest(self, image: Tensor, *, restarts: int = 8, moves: int = 150) -> Tensor:
        """Return the latent vector [1,d] of the image nearest to [1,C,H,W] that a projection finds.

        The encoder's code is one of its starts, if there is an encoder: the hybrid projection of Zhu et al.
        (2016, section 3.3).
        """
        starts = self.draw(restarts, seed=0)
        if self.encode is not None:
            with torch.no_grad():
                starts[0] = self.encode(image)[0]
        found = project(self.generator, image[0], starts, moves=moves)
        return found.latents[found.best][None]

    def stroked(
        self,
        latents: Tensor,
        colours: Tensor,
        mask: Tensor,
        dimensions: int,
        *,
        smoothness: float = 0.02,
        outline: bool = False,
    ) -> Tensor:
        """Return latent vectors [N,d] near others whose images have colours [C,H,W] where a mask [H,W] is
        set, or edges along the mask if it is an outline; see :func:`image_gans.latent.editing.edited`."""
        brush: Brush = Outline.of_lines(mask) if outline else Strokes(colours, mask)
        return self.brushed(latents, [brush], dimensions, smoothness=smoothness)

    def brushed(
        self, latents: Tensor, brushes: Sequence[Brush], dimensions: int, **options: Any
    ) -> Tensor:
        """Return latent vectors [N,d] near others whose images show what brushes ask for; see
        :func:`image_gans.latent.editing.edited` for the options."""
        return edited(self.generator, latents, brushes, dimensions=dimensions, **options)

    @torch.no_grad()
    def carried(self, original: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Return an original image with the edit that turns one latent vector's image into another's."""
        return transferred(original, self.generator(before), self.generator(after))

    @torch.no_grad()
    def arithmetic(
        self,
        formula: str,
        *,
        rows: int = 6,
        examples: int = 64,
        seed: int = 0,
        out: Path | None = None,
    ) -> Path:
        """Compute ``A - B + C``: shift the latent vectors of C by the mean of A minus the mean of B (Radford
        et al. 2016, section 6.3).

        Each row of the image shows one sample of A, of B and of C, then the shifted C.

        Args:
            formula: three conditions, such as ``coat=ginger - coat=black + accessory=hat``; for a model
                trained without labels, the recognised classes of its samples.
            rows: number of samples of C to shift.
            examples: number of latent vectors per mean.
            seed: the same seed gives the same images.
            out: a ``.png`` file.
        """
        first, second, third = terms(formula)
        choose = self.select or (lambda text, n, s: self.draw(n, seed=s, condition=text))
        of = {text: choose(text, max(examples, rows), seed + i)
              for i, text in enumerate((first, second, third))}  # fmt: skip
        shown = [of[text][:rows] for text in (first, second, third)]
        moved = shown[2] + of[first].mean(0) - of[second].mean(0)
        latents = torch.stack([*shown, moved], 1).flatten(0, 1)
        pictures = self.generator(latents)
        out = out if out is not None else self.folder / f"arithmetic-seed-{seed}.png"
        return save_grid(pictures, out, columns=4, scale=enlargement(pictures))

    def project(
        self, picture: Path, *, restarts: int = 8, moves: int = 300, seed: int = 0,
        out: Path | None = None,
    ) -> tuple[Path, Projection]:  # fmt: skip
        """Find the latent vectors nearest to an image by gradient descent from several starts.

        Each row of the output shows the given image, the start and the end of one search, best first.

        Args:
            picture: an image file; its central square is used.
            restarts: number of random starts.
            moves: updates per start.
            seed: seed of the starts.
            out: a ``.png`` file.
        """
        starts = self.draw(restarts, seed=seed)
        with torch.no_grad():
            first = self.generator(starts)
        target = read_picture(picture, *first.shape[1:3]).to(first)
        found = project(self.generator, target, starts, moves=moves)
        order = found.distances.argsort()
        with torch.no_grad():
            ends = self.generator(found.latents)
        shown = torch.stack([target.expand_as(ends), first, ends], 1)[order].flatten(0, 1)
        out = out if out is not None else self.folder / f"projection-of-{picture.stem}.png"
        return save_grid(shown, out, columns=3, scale=enlargement(shown)), found


def terms(formula: str) -> tuple[str, str, str]:
    """Parse ``A - B + C`` into A, B and C."""
    parts = re.fullmatch(r"\s*(.+?)\s+-\s+(.+?)\s+\+\s+(.+?)\s*", formula)
    if parts is None:
        raise UsageError(
            f"{formula!r} is not of the form 'A - B + C' (with spaces around the signs), such as "
            "'coat=ginger - coat=black + accessory=hat'."
        )
    return parts[1], parts[2], parts[3]


def read_picture(path: Path, channels: int, size: int) -> Tensor:
    """Read the central square of an image file as [C,H,W] in [-1,1], resized."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        pixels = decode(data, size=size, channels=channels, crop="centre").pixels
    except DataError:
        raise DataError(
            f"{path} is not an image, or is damaged: give a PNG or JPEG file."
        ) from None
    return to_float(torch.from_numpy(pixels)[None])[0]


def save_animation(frames: Tensor, path: Path) -> Path:
    """Write [T,N,C,H,W], N moving images side by side, as a GIF that plays forwards, then backwards."""
    scale = enlargement(frames)
    sheets = [grid(frame, scale=scale).expand(3, -1, -1).permute(1, 2, 0) for frame in frames]
    images = [Image.fromarray(sheet.contiguous().numpy()) for sheet in sheets]
    there_and_back = [*images, *images[-2:0:-1]]
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = there_and_back
    options = {"save_all": True, "append_images": others, "duration": _MILLISECONDS, "loop": 0}
    return save_picture(first, path, "GIF", **options)
