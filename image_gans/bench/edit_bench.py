"""How near edits by brushes come to a known edit: ``seqgan-kit bench strokes --run RUN``.

The cat world draws an image and its twin with one attribute changed, or with its cat moved. A brush tells
a part of the edit: the twin's colours on a share of the pixels that differ, the borders of the twin's parts,
or a window around the head that is dragged. The edit of the first image is compared with the twin, inside and
outside of the pixels that the edit may change.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from image_gans.bench.brush_tasks import BRUSHES, COLOUR, WARP, BrushTask, brush_task
from seqgan_kit.bench.bench_commands import declare_counts, print_with_threads
from seqgan_kit.cli.command import Parser, one_of, positive_number

COLUMNS = ("psnr", "psnr_inside", "psnr_outside")


def strokes(words: Sequence[str]) -> None:
    """Compare edits by strokes with the edited twins of the cat world."""
    parser = Parser(
        prog="seqgan-kit bench strokes",
        description="Edits images of the cat world by strokes, lines or a dragged window, with the model "
        "of a run on its faces, and compares the result with the edited twins.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--run", type=Path, required=True, help="directory of a run that samples cats"
    )
    parser.add_argument(
        "--view", default="coat=ginger", help="the edit, ATTRIBUTE=VALUE (default: coat=ginger)"
    )
    parser.add_argument(
        "--brush",
        type=one_of("brush", *BRUSHES),
        default="colour",
        help="what tells the edit: colour (strokes in the twin's colours, the default), outline (borders of "
        "the twin's parts) or warp (the cat is moved instead, by dragging a window)",
    )
    parser.add_argument(
        "--realism",
        metavar="W",
        type=positive_number(),
        default=0.0,
        help="weight of the verdict of the run's discriminator (default: 0, none)",
    )
    declare_counts(
        parser,
        (
            ("images", 100, 2, "images to edit"),
            ("percent", 30, 1, "share of the pixels that may differ to give as strokes"),
            ("pixels", 4, 1, "warp: by how many the cat is moved to the right"),
            ("seed", 0, 0, "of the strokes"),
            ("threads", 0, 0, "CPU threads; 0 is torch's choice"),
        ),
    )
    given = vars(parser.parse_args(words))
    print_with_threads(given.pop("threads"), partial(stroke_report, **given))


def stroke_report(
    run: Path,
    view: str,
    brush: str,
    realism: float,
    images: int,
    percent: int,
    pixels: int,
    seed: int,
) -> str:
    """Return the table as text."""
    from image_gans.evaluation.image_export import load_image_model
    from image_gans.evaluation.probing.trained_score import trained_score
    from image_gans.metrics.pair_quality import pair_quality

    score = trained_score(run) if realism else None

    model: Any = load_image_model(run)
    explorer, sampler = model.explore(), getattr(model, "sampler", model)
    size = explorer.generator(explorer.draw(1, seed=0)).shape[-1]
    task = brush_task(view, images, size, percent / 100, seed, brush, pixels)
    options = {"score": score, "realism": realism}
    rows, seconds = edited_rows(explorer, task, sampler.noise_dimensions, **options)
    lines = [f"{'':26}" + "".join(f"{name:>20}" for name in COLUMNS)]
    for name, outputs in rows.items():
        found = pair_quality(outputs, task.twins, task.masks)
        known = [found.get(column) for column in COLUMNS]  # A whole image has no pixel outside.
        cells = [f"{e.value:.2f} ± {e.standard_error:.2f}" if e else "-" for e in known]
        lines.append(f"{name:26}" + "".join(f"{cell:>20}" for cell in cells))
    told = f"moved by {pixels} pixels" if brush == WARP else view
    told += f", {percent} % of the mask stroked" if brush == COLOUR else f", {brush}"
    lines.append(
        f"{len(task.sources)} images, {told}; CPU time of an image: projection {seconds[0]:.2f} s, edit "
        f"{seconds[1]:.2f} s"
    )
    return "\n".join(lines)


def edited_rows(
    explorer: Any, task: BrushTask, dimensions: int, **options: Any
) -> tuple[dict[str, Tensor], tuple[float, float]]:
    """Return the outputs [N,C,H,W] of each row of the table, and the CPU seconds of an image: projection,
    edit.

    Args:
        explorer: of the model.
        task: what to edit.
        dimensions: of the noise.
        options: of :func:`image_gans.latent.editing.edited`.
    """
    count, start = len(task.sources), time.process_time()
    before = torch.cat([explorer.nearest(image[None]) for image in task.sources])
    projected = time.process_time()
    after = torch.cat(
        [
            explorer.brushed(before[i : i + 1], task.brushes[i], dimensions, **options)
            for i in range(count)
        ]
    )
    seconds = (projected - start) / count, (time.process_time() - projected) / count
    with torch.no_grad():
        nearest, edited = explorer.generator(before), explorer.generator(after)
    stroked = task.strokes[:, None]
    return {
        "source": task.sources,
        "source with the strokes": torch.where(stroked, task.painted, task.sources),
        "nearest image of G": nearest,
        "edited": edited,
        "source with the edit": explorer.carried(task.sources, before, after),
    }, seconds
