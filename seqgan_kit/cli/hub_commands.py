"""``push``: a trained model to the HuggingFace hub."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqgan_kit.cli.command import Command
from seqgan_kit.cli.run_commands import existing_run, note_unfinished


def _declare_push(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument(
        "repo_id", metavar="USER/NAME", help="repository, made if it does not exist"
    )
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument("--revision", metavar="BRANCH", help="branch to push to (default: main)")
    parser.add_argument(
        "--message",
        metavar="TEXT",
        default="Upload a seqgan-kit model",
        help="first line of the commit",
    )


def _run_push(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    from seqgan_kit.sharing.hub import pushed

    note_unfinished(run_dir)
    address = pushed(
        run_dir,
        options.repo_id,
        private=True if options.private else None,
        revision=options.revision,
        commit_message=options.message,
    )
    print(f"pushed to {address}")
    print(f'load it with: seqgan_kit.load("hub:{options.repo_id}")')


COMMANDS = (
    Command(
        name="push",
        summary="upload a trained model to the HuggingFace hub, with a model card",
        usage="RUN USER/NAME [--private] [--revision BRANCH] [--message TEXT]",
        details="Uploads the model of a run: safetensors, tokenizer, settings, scores, and a generated\n"
        "model card. The licence and the data's terms are left for you to fill in. Log in first\n"
        "with 'hf auth login'.",
        examples=("push runs/first user/name", "push runs/first user/name --private"),
        declare=_declare_push,
        run=_run_push,
    ),
)
