"""How near edits by strokes come to a known edit: ``seqgan-kit bench strokes --run RUN``.

The cat world draws an image and its twin with one attribute changed. A share of the pixels that differ is
given as strokes in the twin's colours. The edit of the first image is compared with the twin, inside and
outside of the pixels that the attribute may change.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqgan_kit.bench.bench_commands import declare_counts, print_with_threads
from seqgan_kit.cli.command import Parser
from seqgan_kit.errors import UsageError

COLUMNS = ("psnr", "psnr_inside", "psnr_outside")


@dataclass(frozen=True)
class EditTask:
    """Images, their edited twins, and strokes that tell a part of the edit."""

    sources: Tensor
    """[N,C,H,W] in [-1,1]."""
    twins: Tensor
    """[N,C,H,W]."""
    masks: Tensor
    """[N,1,H,W], True where the edit may change the image."""
    strokes: Tensor
    """[N,H,W], True where the twin's colours are given."""


def strokes(words: Sequence[str]) -> None:
    """Compare edits by strokes with the edited twins of the cat world."""
    parser = Parser(
        prog="seqgan-kit bench strokes",
        description="Edits images of the cat world by strokes of their edited twins' colours, with the model "
        "of a run on its faces, and compares the result with the twins.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--run", type=Path, required=True, help="directory of a run that samples cats"
    )
    parser.add_argument(
        "--view", default="coat=ginger", help="the edit, ATTRIBUTE=VALUE (default: coat=ginger)"
    )
    declare_counts(
        parser,
        (
            ("images", 100, 2, "images to edit"),
            ("percent", 30, 1, "share of the pixels that may differ to give as strokes"),
            ("seed", 0, 0, "of the strokes"),
            ("threads", 0, 0, "CPU threads; 0 is torch's choice"),
        ),
    )
    given = vars(parser.parse_args(words))
    print_with_threads(given.pop("threads"), partial(stroke_report, **given))


def stroke_report(run: Path, view: str, images: int, percent: int, seed: int) -> str:
    """Return the table as text."""
    from image_gans.evaluation.image_export import load_image_model
    from image_gans.metrics.pair_quality import pair_quality

    model: Any = load_image_model(run)
    explorer, sampler = model.explore(), getattr(model, "sampler", model)
    size = explorer.generator(explorer.draw(1, seed=0)).shape[-1]
    task = edit_task(view, images, size, percent / 100, seed)
    rows, seconds = edited_rows(explorer, task, sampler.noise_dimensions)
    lines = [f"{'':26}" + "".join(f"{name:>20}" for name in COLUMNS)]
    for name, outputs in rows.items():
        found = pair_quality(outputs, task.twins, task.masks)
        known = [found.get(column) for column in COLUMNS]  # A whole image has no pixel outside.
        cells = [f"{e.value:.2f} ± {e.standard_error:.2f}" if e else "-" for e in known]
        lines.append(f"{name:26}" + "".join(f"{cell:>20}" for cell in cells))
    lines.append(
        f"{len(task.sources)} images, {view}, {percent} % of the mask stroked; CPU time of an image: "
        f"projection {seconds[0]:.2f} s, edit {seconds[1]:.2f} s"
    )
    return "\n".join(lines)


def edit_task(view: str, images: int, size: int, share: float, seed: int) -> EditTask:
    """Draw test scenes of the cat world that the view changes, their twins, and strokes.

    Args:
        view: the edit, such as ``coat=ginger``.
        images: number of scenes to draw; those that the edit leaves as they are, are left out.
        size: pixels.
        share: of the pixels that may differ, those to stroke.
        seed: of the strokes.
    """
    from seqgan_kit.data.images.pixels import to_float
    from seqgan_kit.data.pairs.world_pairs import drawn_test_pairs

    split = drawn_test_pairs(view, images, size)
    changed = (split.sources != split.targets).flatten(1).any(1)
    if not changed.any() or split.masks is None:
        raise UsageError(
            f"--view {view} changes none of the {images} images: take another edit, or more images."
        )
    masks, rng = split.masks[changed], torch.Generator().manual_seed(seed)
    drawn = torch.rand(masks[:, 0].shape, generator=rng) < share
    chosen = masks[:, 0] & drawn
    return EditTask(
        to_float(split.sources[changed]), to_float(split.targets[changed]), masks, chosen
    )


def edited_rows(
    explorer: Any, task: EditTask, dimensions: int
) -> tuple[dict[str, Tensor], tuple[float, float]]:
    """Return the outputs [N,C,H,W] of each row of the table, and the CPU seconds of an image: projection,
    edit."""
    count, start = len(task.sources), time.process_time()
    before = torch.cat([explorer.nearest(image[None]) for image in task.sources])
    projected = time.process_time()
    after = torch.cat(
        [
            explorer.stroked(before[i : i + 1], task.twins[i], task.strokes[i], dimensions)
            for i in range(count)
        ]
    )
    seconds = (projected - start) / count, (time.process_time() - projected) / count
    with torch.no_grad():
        nearest, edited = explorer.generator(before), explorer.generator(after)
    stroked = task.strokes[:, None]
    return {
        "source": task.sources,
        "source with the strokes": torch.where(stroked, task.twins, task.sources),
        "nearest image of G": nearest,
        "edited": edited,
        "source with the edit": explorer.carried(task.sources, before, after),
    }, seconds
