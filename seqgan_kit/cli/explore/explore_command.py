"""``explore``: a local web page of trained and training runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.errors import UsageError

if TYPE_CHECKING:
    from seqgan_kit.explorer.opened_run import OpenedRun


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run_dirs",
        metavar="RUN",
        nargs="+",
        type=Path,
        help="directory of a run, finished or training",
    )
    parser.add_argument(
        "--port",
        metavar="PORT",
        type=whole_number(1, 65535),
        help="port on 127.0.0.1 (default: the first free one from 7860 on)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="also make a public link through Gradio's server, for up to a week",
    )


def _run(options: argparse.Namespace) -> None:
    folders = list(dict.fromkeys(existing_run(folder) for folder in options.run_dirs))
    from seqgan_kit.explorer.opened_run import distinct_names
    from seqgan_kit.explorer.page.explorer_page import check_installed, serve

    check_installed()
    names = distinct_names(folders)
    runs = [opened(folder, name) for folder, name in zip(folders, names, strict=True)]
    serve(runs, port=options.port, browser=not options.no_browser, share=options.share)


def opened(folder: Path, name: str | None = None) -> OpenedRun:
    """Open a run, or a run that has no model yet."""
    from seqgan_kit.explorer.opened_run import OpenedRun

    if (found := _model_of(folder)) is not None:
        note_unfinished(folder)
        return OpenedRun(folder, *found, name)
    if not (folder / "config.json").is_file():
        raise UsageError(
            f"{folder} is not a run directory: it has neither config.json nor model/model.json."
        )
    return OpenedRun(folder, "", name=name, find=_model_of)


def _model_of(folder: Path) -> tuple[str, Callable[[Path], Any]] | None:
    """Return kind and loader of a run's model; None before its first checkpoint."""
    if not (folder / "model" / "model.json").is_file():
        return None
    kind = model_kind(folder)
    return kind, find_loader(kind)


COMMANDS = (
    Command(
        name="explore",
        summary="a local web page: sample, edit, translate, watch training",
        usage="RUN [RUN ...] [--port PORT] [--no-browser] [--share]",
        details="Opens runs in the browser. Image models: samples, paths and sliders in latent space,\n"
        "conditions, translation of your images, painting from words. Text models: prompts, sources,\n"
        "beam search, every token with its likelihood and D's action value. Training: curves, samples\n"
        "and alarms, while the run goes on. The page is served on this machine alone, without telemetry.\n"
        "Needs the extra 'explore'.",
        examples=(
            "explore runs/seqgan",
            "explore runs/dcgan runs/stackgan",
            "explore runs/mle runs/seqgan --port 8000 --no-browser",
        ),
        declare=_declare,
        run=_run,
    ),
)
