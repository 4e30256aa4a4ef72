"""``seqgan-kit run image``: a recipe for a user's own images, with sizes from the data and the time given.

The choice is made by pure functions of a few numbers: how many images, their side, and the seconds of an
update on this machine, which are measured. The result is an ordinary command of a recipe, so that its run is
resumed, scored and shared as any other.
"""

from __future__ import annotations

import argparse
import math
import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import torch

from image_gans.methods.modern import stylegan2
from image_gans.methods.modern.stylegan2 import StyleGAN2Method
from image_gans.networks.choice import NetworkChoice, build_networks
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.errors import DataError, UsageError

RECIPE = "stylegan2"
SIDES = (16, 32, 64, 128, 256)
_WIDTHS = {16: 16, 32: 16, 64: 16, 128: 8, 256: 8}
_LATENT, _GROWTH, _MAPPING = 64, 4, 4
_BATCH = 32
FEWEST = 4 * _BATCH
"""Training images that adaptive augmentation needs: it measures overfitting over four batches."""
_MANY_VIEWS = 10
"""Times that D may see each image before it is likely to learn them by heart."""
_FEWEST_ROUNDS = 1_500
_TRAINING_SHARE = 0.85  # of the time; the rest is for images and scores.
_TIMED = (
    5  # Rounds, of which the fastest counts: the first one is slow, and other programs may run.
)


@dataclass(frozen=True)
class Recommendation:
    """A recipe, its flags, and why."""

    recipe: str
    flags: tuple[str, ...]
    reasons: tuple[str, ...]

    def command(self, own: Sequence[str] = ()) -> str:
        """Return the command line, with flags of the user's own at the end."""
        return shlex.join(("seqgan-kit", "run", self.recipe, *self.flags, *own))


def side_for(smallest: int, seconds: float, budget: float) -> int:
    """Return the largest side that the images have and the time allows.

    Args:
        smallest: shorter side of the smallest image in pixels.
        seconds: of a round at 32 pixels.
        budget: seconds of training.
    """
    there = [side for side in SIDES if side <= smallest] or [SIDES[0]]
    affordable = [side for side in there if _FEWEST_ROUNDS * seconds * (side / 32) ** 2 <= budget]
    return max([min(32, there[-1]), *affordable])


def recommend(
    images: str, count: int, smallest: int, side: int, seconds: float, minutes: float
) -> Recommendation:
    """Choose the flags of the recipe.

    Args:
        images: name of the data, as for ``--images``.
        count: training images.
        smallest: shorter side of the smallest image.
        side: chosen side.
        seconds: of a round at that side.
        minutes: the time given.
    """
    if count < FEWEST:
        raise DataError(
            f"{images} has {count:,} training images. Adaptive augmentation measures overfitting over four "
            f"batches of {_BATCH}, so it needs {FEWEST} or more. Add images, or start a recipe yourself: "
            f"seqgan-kit run {RECIPE} --images {images} --augmentation diffaugment --batch-size 8"
        )
    rounds = max(1, round(minutes * 60 * _TRAINING_SHARE / seconds))
    views = rounds * _BATCH / count
    adaptive = views > _MANY_VIEWS
    length = max(1_000, rounds * _BATCH // 10)
    settings = {
        "images": images,
        "size": side,
        "width": _WIDTHS[side],
        "growth": _GROWTH,
        "epochs": f"{views:.4g}",
        "augmentation": "ada" if adaptive else "none",
        **({"ada-images": length} if adaptive else {}),
    }
    flags = tuple(word for name, value in settings.items() for word in (f"--{name}", str(value)))
    reasons: tuple[str, ...] = (
        f"Method: {RECIPE}, which needs no labels, takes adaptive augmentation and can be truncated.",
        f"Size: {side} pixels. The smallest image has {smallest}; twice the side takes four times as long.",
        f"Length: {rounds:,} rounds of {_BATCH} images in about {minutes:g} minutes, at {seconds:.2g} "
        f"seconds a round on this machine. Each of the {count:,} images is seen {views:.3g} times.",
        "Augmentation: adaptive, because D sees each image often and would learn them by heart."
        if adaptive
        else f"Augmentation: none, because D sees each image {_MANY_VIEWS} times at most.",
    )
    if rounds < _FEWEST_ROUNDS:
        enough = math.ceil(_FEWEST_ROUNDS * seconds / 60 / _TRAINING_SHARE)
        reasons += (
            f"The time is short: {_FEWEST_ROUNDS:,} rounds would take --minutes {enough:,}.",
        )
    return Recommendation(RECIPE, flags, reasons)


def seconds_of_round(side: int, channels: int) -> float:
    """Measure a round of D's and G's losses and gradients, on the GPU if there is one."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    data = ImageData(size=side, channels=channels)
    shape = NetworkChoice("style", _WIDTHS[side], _LATENT, growth=_GROWTH, mapping=_MAPPING)
    choice = replace(shape, noise=False)
    with torch.random.fork_rng(devices=[]):
        game = stylegan2.build(*build_networks(choice, data), StyleGAN2Method()).to(device)
    batch = {"real": torch.zeros(_BATCH, channels, side, side, device=device)}
    move = Move("timing", 0, 1, torch.Generator(device).manual_seed(0))
    best = float("inf")
    for _ in range(_TIMED):
        began = time.perf_counter()
        for player in ("discriminator", "generator"):
            loss = game.loss(f"{player}_loss", batch, move).total
            torch.autograd.backward(loss, inputs=list(game.players[player].parameters()))
            loss.item()  # waits for a GPU
        best = min(best, time.perf_counter() - began)
    return 1.15 * best  # The penalties and Adam take the rest.


def recommended_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """Explain the choice on the console; return the recipe and its words, or '' to start nothing.

    Args:
        words: those after ``seqgan-kit run image``; flags that are not read here go to the recipe.
    """
    options, own = _parser().parse_known_args(list(words))
    if not options.minutes > 0:
        raise UsageError(f"--minutes {options.minutes:g}: must be above 0.")
    if options.threads and options.threads > 0:
        torch.set_num_threads(min(options.threads, os.cpu_count() or 1))
    corpus = load_images(_data(options, SIDES[1]))
    smallest = min(corpus.account.splits["train"].smallest)
    if smallest < SIDES[0]:
        raise DataError(
            f"the smallest image of {options.images} has {smallest} pixels; {SIDES[0]} or more are needed."
        )
    at_32 = seconds_of_round(32, options.channels)
    budget = options.minutes * 60 * _TRAINING_SHARE
    side = options.size or side_for(smallest, at_32, budget)
    if side not in SIDES:
        raise UsageError(f"--size {side}: the recipe draws images of {', '.join(map(str, SIDES))}.")
    seconds = at_32 if side == 32 else seconds_of_round(side, options.channels)
    count = len(corpus.train)
    chosen = recommend(options.images, count, smallest, side, seconds, options.minutes)
    given = {"--channels": options.channels if options.channels == 1 else None}
    given["--threads"] = options.threads
    extra = [
        word for flag, value in given.items() if value is not None for word in (flag, str(value))
    ]
    extra += own
    print(
        "\n".join([*chosen.reasons, "This stands for:", f"  {chosen.command(extra)}"]), flush=True
    )
    return ("" if options.dry_run else chosen.recipe), [*chosen.flags, *extra]


def _data(options: argparse.Namespace, size: int) -> ImageData:
    return replace(ImageData(options.images), size=size, channels=options.channels)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"run image: {message}.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="seqgan-kit run image",
        description="Train on your own images with a recipe, sizes and a length that fit the data and the "
        "time. The choice is explained, and the command that it stands for printed. Further flags go to the "
        "recipe.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--images", required=True, metavar="DIR", help="training images, as for recipes"
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="time of the run (default: 30)")
    parser.add_argument("--size", type=int, help="side of the images in pixels (default: chosen)")
    parser.add_argument("--channels", type=int, default=3, choices=(1, 3), help="1: grey images")
    parser.add_argument("--threads", type=int, help="threads of the CPU, as for recipes")
    parser.add_argument(
        "--dry-run", action="store_true", help="explain the choice, and train nothing"
    )
    return parser
