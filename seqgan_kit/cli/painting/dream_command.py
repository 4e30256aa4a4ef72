"""``dream``: a text model writes captions, and an image model paints them."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqgan_kit.cli.command import Command, positive_number, whole_number
from seqgan_kit.cli.painting.paint_command import declare_condition_noise, painter_of
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.cli.user_files import missing
from seqgan_kit.errors import UsageError


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "text_run", metavar="TEXT_RUN", type=Path, help="directory of a trained run on captions"
    )
    parser.add_argument(
        "image_run",
        metavar="IMAGE_RUN",
        type=Path,
        help="directory of a trained run on images with captions (stackgan, ppgn --captions)",
    )
    parser.add_argument(
        "-n", metavar="N", type=whole_number(1), default=24, help="images to show (default: 24)"
    )
    parser.add_argument(
        "--score",
        metavar="N",
        type=whole_number(0),
        default=500,
        help="captions to write, paint and score, those shown included (default: 500)",
    )
    parser.add_argument(
        "--temperature",
        metavar="T",
        type=positive_number(),
        default=1.0,
        help="sampling temperature of the captions (default: 1)",
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="random seed (default: 0)"
    )
    declare_condition_noise(parser)
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="new or empty folder for dream.html, captions.txt and the images",
    )


def _run(options: argparse.Namespace) -> None:
    out = options.out
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UsageError(f"--out {out} is not an empty folder: give a new or empty one.")
    if not out.parent.is_dir():
        raise missing(out.parent, "folder")
    if (kind := model_kind(existing_run(options.text_run))) != "text":
        raise UsageError(
            f"TEXT_RUN {options.text_run} holds an {kind} model: give a text run on captions first, then the "
            "image run."
        )
    painter = painter_of(options.image_run)
    writer = find_loader(kind)(options.text_run)
    note_unfinished(options.text_run)
    from seqgan_kit.core.runs.long_work import long_work
    from seqgan_kit.report.dream_page import write_dream
    from seqgan_kit.report.tables import print_scores

    with long_work("dreaming"):
        count = max(options.n, options.score)
        captions = writer.sample(count, temperature=options.temperature, seed=options.seed)
        assert isinstance(captions, list)
        out.mkdir(exist_ok=True)
        record = painter.dream(
            captions, options.n, out, seed=options.seed, condition_noise=options.condition_noise
        )
    page = write_dream(out, record, str(options.text_run), str(options.image_run))
    if "scores" in record:
        print_scores(record["scores"])
    print(f"wrote {page}, and {options.n:,} images beside it")


COMMANDS = (
    Command(
        name="dream",
        summary="images of captions that a text model writes",
        usage="TEXT_RUN IMAGE_RUN --out DIR [-n N] [--score N] [options]",
        details="Samples captions from a text run and draws their images by a run on images with captions.\n"
        "Writes dream.html with captions and images, and dream.json. On the cat world it also says how\n"
        "many images show what their caption tells, beside real captions, real images and chance.",
        examples=(
            "dream runs/seqgan runs/stackgan --out dream",
            "dream runs/mle runs/stackgan -n 64 --temperature 0.8 --out dream",
        ),
        declare=_declare,
        run=_run,
    ),
)
