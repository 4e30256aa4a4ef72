"""The generator of StyleGAN2 with skip connections to the image (Karras et al. 2020, "Analyzing and improving
the image quality of StyleGAN", sections 2 and 4).

    w      = f(z / sqrt(mean z^2))                         f: fully connected layers, learning rate times 0.01
    x_4    = layer(constant 4x4, w_0)
    x_2r   = layer(doubling layer(x_r, w_l), w_l+1)        a layer adds noise and is modulated by its w
    image  = doubled(image) + colours(x_2r, w_l+2)         the output at each size; not bounded

All w are equal, unless two styles are mixed: the first layers then have one w and the rest another.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from image_gans.networks.blocks.resampling import doubled
from image_gans.networks.blocks.shapes import FromLatents, check_shape
from image_gans.networks.style.equalised import GAIN, EqualisedLinear, activated
from image_gans.networks.style.modulated import StyledConv, ToColours
from seqgan_kit.errors import UsageError

_MAPPING_RATE = 0.01
_MEAN_OF, _SEED = 10_000, 0  # Latent vectors whose mean w is the centre of truncation.


@dataclass(frozen=True)
class StyleConfig:
    """The shape of both networks."""

    size: int = 32
    """Height and width of the images in pixels: 16, 32, 64, 128 or 256."""
    channels: int = 3
    """Colour channels: 1 (grayscale) or 3 (RGB)."""
    latent: int = 512
    """Dimensions of z and of w (512 in the paper)."""
    width: int = 128
    """Channels next to the image; they double towards 4x4 up to ``growth`` times."""
    growth: int = 4
    """Largest number of channels, in units of the width."""
    mapping: int = 8
    """Layers of the mapping network (8 in the paper)."""
    noise: bool = True
    """Add noise to each layer of G, as in the paper."""

    def __post_init__(self) -> None:
        widths = {name: getattr(self, name) for name in ("latent", "width", "growth", "mapping")}
        check_shape("a style-based network", self.size, self.channels, widths)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels at 4x4, then at each larger size."""
        doublings = int(math.log2(self.size)) - 2
        return tuple(
            self.width * min(self.growth, 2**left) for left in reversed(range(doublings + 1))
        )

    @property
    def layers(self) -> int:
        """Number of vectors w that an image has: one per layer, and one for the last colours."""
        return 2 * len(self.widths)


class Mapping(nn.Module):
    """The mapping network z -> w."""

    def __init__(self, config: StyleConfig):
        super().__init__()
        self.layers = nn.ModuleList(
            EqualisedLinear(config.latent, config.latent, rate=_MAPPING_RATE, gain=GAIN)
            for _ in range(config.mapping)
        )

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,latent]."""
        w = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            w = activated(layer(w))
        return w


class StyleGenerator(FromLatents):
    """A generator from latent vectors to images, about in [-1,1] (not bounded).

    ``forward`` depends on z alone: each layer adds a noise map of its own. ``sample`` draws fresh noise. With
    ``noise`` off there is none.
    """

    ignores_scale = True
    """Latent vectors of any length give the same image, since they are normalised."""

    def __init__(self, config: StyleConfig):
        super().__init__()
        self.config = config
        self.mapping = Mapping(config)
        first = config.widths[0]
        self.constant = nn.Parameter(torch.randn(1, first, 4, 4))
        layer = partial(StyledConv, dimensions=config.latent, noisy=config.noise)
        self.layers = nn.ModuleList([layer(first, first, 4)])
        self.colours = nn.ModuleList([ToColours(first, config.channels, config.latent)])
        for number, (before, after) in enumerate(pairwise(config.widths)):
            side = 8 * 2**number
            self.layers.append(layer(before, after, side, doubles=True))
            self.layers.append(layer(after, after, side))
            self.colours.append(ToColours(after, config.channels, config.latent))
        self.centre: Tensor | None = None
        self.psi = 1.0

    def forward(self, z: Tensor) -> Tensor:
        """[N,latent] -> [N,C,H,W]."""
        return self.synthesis(self.styles(z))

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """[n,C,H,W] images of fresh latents and noise, differentiable wherever gradients are enabled."""
        return self.synthesis(self.styles(self.latents(n, rng)), rng)

    def styles(self, z: Tensor) -> Tensor:
        """Return the vectors w of all layers, truncated if asked: [N,latent] -> [N,layers,latent]."""
        w = self.mapping(z)
        if self.centre is not None:
            w = torch.lerp(self.centre.to(w), w, self.psi)
        return w[:, None].expand(-1, self.config.layers, -1)

    def mixed_styles(self, n: int, rng: torch.Generator, probability: float) -> Tensor:
        """Draw the vectors w [n,layers,latent] of n images.

        With this probability, an image's layers from a random one on have the w of another z.
        """
        styles = self.styles(self.latents(n, rng))
        if not probability:
            return styles
        others = self.styles(self.latents(n, rng))
        mixes, where = torch.rand(2, n, 1, 1, generator=rng, device=rng.device).to(styles)
        first = 1 + (where * (self.config.layers - 1)).floor()
        places = torch.arange(self.config.layers, device=styles.device).view(1, -1, 1)
        return torch.where((mixes < probability) & (places >= first), others, styles)

    def synthesis(self, styles: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """Draw images from the vectors w of their layers: [N,layers,latent] -> [N,C,H,W].

        Args:
            styles: w of each layer.
            rng: draws the noise; None: each layer has its own noise map.
        """
        x = self.constant.expand(len(styles), -1, -1, -1)
        x = self.layers[0](x, styles[:, 0], rng)
        image = self.colours[0](x, styles[:, 1])
        for number, colours in enumerate(list(self.colours)[1:]):
            place = 1 + 2 * number
            x = self.layers[place](x, styles[:, place], rng)
            x = self.layers[place + 1](x, styles[:, place + 1], rng)
            image = doubled(image) + colours(x, styles[:, place + 2])
        return cast(Tensor, image)

    @torch.no_grad()
    def truncated(self, psi: float) -> StyleGenerator:
        """Return a copy that moves w to psi times its distance from the mean w: 1 as trained, 0 one image.

        The truncation trick (Karras et al. 2019, "A style-based generator architecture", appendix B).
        """
        if not 0 <= psi <= 1:
            raise UsageError(
                f"--truncation {psi:g}: for a style-based generator it is the share of a style's distance "
                "from the mean style that is kept, 0 to 1 (0.7 is usual)."
            )
        twin = copy.deepcopy(self)
        z = self.latents(_MEAN_OF, torch.Generator().manual_seed(_SEED))
        twin.centre, twin.psi = self.mapping(z).mean(0), psi
        return twin
