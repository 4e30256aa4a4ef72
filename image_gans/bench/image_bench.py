"""Options of ``seqgan-kit bench image``.

The command finds it as an entry point of the group ``seqgan_kit.benches``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from seqgan_kit.bench.bench_commands import parse_options, print_with_threads


def image(words: Sequence[str]) -> None:
    """Time a round of the trainer against a hand-written loop, for DCGAN and WGAN-GP."""
    options = parse_options(
        "image",
        "Times a round of training - D's updates and one of G, for DCGAN and for WGAN-GP - against a loop "
        "written by hand that does the same maths on the same random numbers, in turns; what feeding takes "
        "of it, and the floor in operations. On a GPU where there is one.",
        (
            ("size", 32, 16, "pixels: 16, 32, 64, 128 or 256"),
            ("batch", 32, 1, "images in a batch"),
            ("width", 32, 1, "channels next to the image"),
            ("repeats", 20, 1, "how often each way is timed"),
            ("options", 0, 0, "1: also channels in front, bf16 and torch.compile (takes minutes)"),
            ("seed", 0, 0, "of weights and samples"),
        ),
        words,
    )

    chosen = {**options, "options": bool(options["options"])}
    threads = chosen.pop("threads")

    def measure(method: str) -> str:
        from image_gans.bench.image_timing import ImageSetting, image_report

        return image_report(ImageSetting(method, **chosen))  # type: ignore[arg-type]

    for method in ("dcgan", "wgan_gp"):
        print_with_threads(threads, partial(measure, method))
