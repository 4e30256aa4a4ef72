"""Options of ``seqgan-kit bench image``.

The command finds it as an entry point of the group ``seqgan_kit.benches``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from seqgan_kit.bench.bench_commands import parse_options, print_with_threads

METHODS = ("dcgan", "wgan_gp", "pix2pix")


def image(words: Sequence[str]) -> None:
    """Time a round of the trainer against a hand-written loop, for DCGAN, WGAN-GP and pix2pix."""
    options = parse_options(
        "image",
        "Times a round of training - the updates of all players, for DCGAN, WGAN-GP and pix2pix - against a "
        "loop written by hand that does the same maths on the same random numbers, in turns; what feeding "
        "takes of it, and the floor in operations. On a GPU where there is one.",
        (
            ("size", 32, 16, "pixels: 16, 32, 64, 128 or 256"),
            ("batch", 32, 1, "images in a batch"),
            ("width", 32, 1, "channels next to the image"),
            ("repeats", 20, 1, "how often each way is timed"),
            ("options", 0, 0, "1: also channels in front, bf16 and torch.compile (takes minutes)"),
            ("seed", 0, 0, "of weights and samples"),
        ),
        words,
        names={"method": (METHODS, "the only method to time (default: all)")},
    )

    chosen = {**options, "options": bool(options["options"])}
    threads, only = chosen.pop("threads"), chosen.pop("method")

    def measure(method: str) -> str:
        from image_gans.bench.image_setting import ImageSetting
        from image_gans.bench.image_timing import image_report

        return image_report(ImageSetting(method, **chosen))  # type: ignore[arg-type]

    for method in (only,) if only else METHODS:
        print_with_threads(threads, partial(measure, method))
