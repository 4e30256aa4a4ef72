"""``translate``, ``rebuild`` and ``edit``: a trained model applied to images."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from seqgan_kit.cli.command import Command
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.errors import UsageError

_NAMED = 5
_EDITING = ("condition", "given", "carry")  # options that only an edit has


def declare_images(parser: argparse.ArgumentParser) -> None:
    """Declare what all commands take that apply a run to images and write images."""
    declare_read_images(parser)
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder for the results, as PNG files",
    )


def declare_read_images(parser: argparse.ArgumentParser) -> None:
    """Declare what all commands take that apply a run to images."""
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument(
        "--images",
        metavar="DIR|FILE",
        type=Path,
        required=True,
        help="an image file, or a folder of them, sub-folders included",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="stop at an image that cannot be read (default: skip and count it)",
    )


def _run(verb: str, options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    model = find_loader(model_kind(run_dir))(run_dir)
    verb = "reverse" if getattr(options, "reverse", False) else verb
    act = getattr(model, "act_on_files", None)
    if act is None:
        raise UsageError(
            f"the model in {run_dir} makes nothing of images, so it cannot {verb}; draw from it with "
            f"'seqgan-kit sample {run_dir}'."
        )
    note_unfinished(run_dir)
    from seqgan_kit.core.runs.long_work import long_work

    asked = {name: vars(options)[name] for name in _EDITING if vars(options).get(name)}
    with long_work("images"):
        done = act(verb, options.images, options.out, strict=options.strict, **asked)
    print(f"wrote {done.written:,} image{'s' * (done.written != 1)} to {options.out}")
    tell_skipped(done.skipped)


def tell_skipped(skipped: Sequence[str]) -> None:
    """Say on stderr which images could not be read."""
    if skipped:
        more = f" and {len(skipped) - _NAMED:,} more" if len(skipped) > _NAMED else ""
        print(
            f"skipped {len(skipped):,} unreadable: {'; '.join(skipped[:_NAMED])}{more}",
            file=sys.stderr,
        )


def _declare_translate(parser: argparse.ArgumentParser) -> None:
    declare_images(parser)
    parser.add_argument(
        "--reverse",
        action="store_true",
        help="translate from the targets back to the sources (models of two translators: cyclegan)",
    )


def _declare_edit(parser: argparse.ArgumentParser) -> None:
    declare_images(parser)
    parser.add_argument(
        "--condition",
        metavar="LABEL=CLASS",
        help="what the results show, such as age=old (default: a strip of the image and all classes)",
    )
    parser.add_argument(
        "--given",
        metavar="LABEL=CLASS",
        help="what the images show, such as age=kitten (default: what the model's recogniser names)",
    )
    parser.add_argument(
        "--carry",
        action="store_true",
        help="add the change to the given image, in place of writing the generator's own image",
    )


_OPTIONS = {
    "translate": (" [--reverse]", _declare_translate),
    "edit": (" [--condition LABEL=CLASS]\n         [--given LABEL=CLASS] [--carry]", _declare_edit),
}


def _command(verb: str, summary: str, details: str, example: str) -> Command:
    further, declare = _OPTIONS.get(verb, ("", declare_images))
    return Command(
        name=verb,
        summary=summary,
        usage=f"RUN --images DIR|FILE --out DIR{further} [--strict]",
        details=details,
        examples=(example,),
        declare=declare,
        run=partial(_run, verb),
    )


COMMANDS = (
    _command(
        "translate",
        "apply a trained translator to images",
        "Brings the middle square of each image to the model's size and writes what it makes of it.\n"
        "Images are read a few at a time, so a folder may be of any size.",
        "translate runs/pix2pix --images photos --out translated",
    ),
    _command(
        "rebuild",
        "pass images through a trained autoencoder",
        "Brings the middle square of each image to the model's size, encodes and decodes it.\n"
        "Images are read a few at a time, so a folder may be of any size.",
        "rebuild runs/autoencoder --images photos --out rebuilt",
    ),
    _command(
        "edit",
        "change a label of images, such as the age of a face",
        "Brings the middle square of each image to the model's size, searches the latent vector at which\n"
        "the model draws what its recogniser sees in the image, and draws it with the label changed.\n"
        "Runs of age_cgan can do so.",
        "edit runs/age_cgan --images photos --out older --condition age=old",
    ),
)
