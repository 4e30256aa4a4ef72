"""``sample`` and ``report``: sample a trained run, write its report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.cli.given_input import best_of_model, declare_given, is_conditional, write_answers
from seqgan_kit.cli.image_sampling import (
    DecodedPrior,
    declare_prior,
    declare_truncation,
    truncated_model,
)
from seqgan_kit.cli.sampling_flags import declare_sampling
from seqgan_kit.cli.user_files import missing
from seqgan_kit.core.files.checked_json import read_checked
from seqgan_kit.core.files.json_kinds import record, text
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import CheckpointError, UsageError, unknown

MODEL_LOADERS = "seqgan_kit.models"
"""Entry-point group in which packages offer a loader per kind of model."""


class Model(Protocol):
    """A model that a loader returns; it refuses options that do not apply to its kind.

    Text models return sentences. Image models write one grid, to ``out`` or a default place, and return its
    path; if ``out`` is a folder, they write one file per image into it and return the folder.
    """

    def sample(
        self,
        n: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
        out: Path | None = None,
        condition: str | None = None,
        detokenize: bool = False,
    ) -> list[str] | Path: ...


def _declare_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument(
        "-n", metavar="N", type=whole_number(1), default=16, help="number of samples (default: 16)"
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=whole_number(0, 2**63 - 1),
        default=0,
        help="random seed (default: 0)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE|DIR",
        help="output file (default: text is printed, images go to RUN/samples/); for images also a "
        "new or empty folder, a name without .png: one PNG per image",
    )
    declare_sampling(parser, "text: ")
    parser.add_argument(
        "--detokenize",
        action="store_true",
        help="text: join punctuation to words as people write; restore capitals that the "
        "tokenizer folded",
    )
    parser.add_argument(
        "--condition",
        metavar="LABEL=CLASS,...",
        action="append",
        help="conditional image models: classes to draw, for example coat=ginger,eyes=odd",
    )
    declare_truncation(parser)
    declare_prior(parser)
    declare_given(parser)


def _run_sample(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    conditional = is_conditional(options)
    kind = model_kind(run_dir)
    out = None if options.out is None else Path(options.out)
    into_folder = out is not None and (
        out.is_dir() or options.out.endswith("/") or not (kind == "text" or out.suffix)
    )
    if out is None or not into_folder:
        check_writable(out)
    elif kind == "text":
        raise UsageError(f"--out {out} is a folder: give the name of a file for the sentences.")
    else:
        _check_folder(out)
    model = find_loader(kind)(run_dir)
    note_unfinished(run_dir)
    if options.truncation is not None:
        model = truncated_model(model, options.truncation)
    if options.best_of is not None:
        model = best_of_model(run_dir, model, options.best_of)
    if options.prior is not None:
        model = DecodedPrior(run_dir, model, _text_model(options.prior))
    if conditional:
        write_answers(options, model)
        return
    if out is not None and into_folder:
        out.mkdir(exist_ok=True)
    from seqgan_kit.core.runs.long_work import long_work

    with long_work(f"sampling {options.n:,}"):
        samples = model.sample(
            options.n,
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            seed=options.seed,
            out=out,
            condition=",".join(options.condition) if options.condition else None,
            detokenize=options.detokenize,
        )
    _deliver(samples, out)


def _text_model(prior: Path) -> Model:
    if (kind := model_kind(existing_run(prior))) != "text":
        raise UsageError(f"--prior {prior} is a run on {kind}s: give a text run trained on codes.")
    note_unfinished(prior)
    return find_loader(kind)(prior)


def check_writable(out: Path | None) -> None:
    """Check before sampling, which can take long, that the result can be written."""
    if out is not None and out.is_dir():
        raise UsageError(f"--out {out} is a folder: give the name of a file.")
    if out is not None and not out.parent.is_dir():
        raise missing(out.parent, "folder")


def _check_folder(folder: Path) -> None:
    """Check that a folder can take one file per image: it must be empty, so that no older image counts."""
    if folder.is_file():
        raise UsageError(f"--out {folder} is a file: give a folder, or a .png file.")
    if not folder.parent.is_dir():
        raise missing(folder.parent, "folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(
            f"--out {folder} is not empty: give a new or empty folder, or a .png file."
        )


def _deliver(samples: list[str] | Path, out: Path | None) -> None:
    if isinstance(samples, Path):
        print(f"wrote {samples}")
    elif out is None:
        write_text("\n".join(samples))
    else:
        from seqgan_kit.core.runs.log import write_whole

        write_whole(out, "".join(f"{line}\n" for line in samples).encode())
        print(f"wrote {len(samples)} sentences to {out}")


def existing_run(run_dir: Path) -> Path:
    """Return ``run_dir`` if it is a directory."""
    if not run_dir.exists():
        raise missing(run_dir, "run directory")
    if not run_dir.is_dir():
        raise UsageError(f"{run_dir} is a file: give the run's directory.")
    return run_dir


def model_kind(run_dir: Path) -> str:
    """Return the kind of model in a run directory, ``text`` or ``image``, from its ``model/model.json``."""
    file = run_dir / "model" / "model.json"
    if not file.is_file():
        raise CheckpointError(
            f"{run_dir} holds no trained model ({file} is missing): give the directory of a run "
            "that has saved a checkpoint, or finish it by starting its recipe with "
            f"'--resume {run_dir}'."
        )
    return str(read_checked(file, record({"kind": text(100)}))["kind"])


def note_unfinished(run_dir: Path) -> None:
    """Print for an unfinished run that the model of its last checkpoint is used."""
    file = run_dir / "model" / "model.json"
    described = read_checked(file, record({})) if file.is_file() else {}
    at = described.get("unfinished")
    if isinstance(at, dict) and isinstance(at.get("round"), int):
        print(
            f"note: {run_dir} has not finished; using its last saved model, after round "
            f"{at['round']}.",
            file=sys.stderr,
        )


def find_loader(kind: str) -> Callable[[Path], Model]:
    """Return the function that restores a model of a kind, from the installed packages."""
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=MODEL_LOADERS)}
    if not offered:
        raise UsageError("seqgan-kit is not installed here: install it with 'pip install -e .'.")
    if kind not in offered:
        raise unknown("model kind", kind, offered)
    loader: Callable[[Path], Model] = offered[kind].load()
    return loader


def _declare_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a run")


def _run_report(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    from seqgan_kit.report.run_page import write_report

    print(f"wrote {write_report(run_dir)}")


COMMANDS = (
    Command(
        name="sample",
        summary="sample from a trained model: sentences, or images",
        usage="RUN [-n N] [--seed S] [--out FILE|DIR] [options]",
        details="Samples from the model of a run, or of its last checkpoint if it has not "
        "finished.\nText is printed line by line; images are written as one PNG grid,\n"
        "or one by one if --out is a folder.",
        examples=(
            "sample runs/first -n 10",
            "sample runs/first -n 10 --detokenize",
            "sample runs/first -n 10000 --temperature 0.8 --out samples.txt",
            "sample runs/translator --given german.txt --beam 5",
            "sample runs/seqgan -n 10 --best-of 8",
            "sample runs/cats -n 64 --seed 7 --out cats.png",
            "sample runs/cats -n 1000 --out samples/",
            "sample runs/cgan --condition coat=ginger,eyes=odd",
            "sample runs/biggan --truncation 0.5 --out typical.png",
            "sample runs/vqvae --prior runs/prior -n 64",
        ),
        declare=_declare_sample,
        run=_run_sample,
    ),
    Command(
        name="report",
        summary="write report.html of a run",
        usage="RUN",
        details="Writes report.html into the run's directory: curves, samples, scores, "
        "settings.\nIt is one self-contained file for a browser. Works while the run is "
        "training.",
        examples=("report runs/first",),
        declare=_declare_report,
        run=_run_report,
    ),
)
