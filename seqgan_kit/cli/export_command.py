"""``export``: write a trained language model as other libraries read it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from seqgan_kit.cli.command import Command
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import UsageError


def _declare_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, required=True, help="folder to write to"
    )
    parser.add_argument(
        "--adapters",
        action="store_true",
        help="write the adapters alone, for peft (default: the whole model, adapters merged)",
    )


def _run_export(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    model: Any = find_loader(model_kind(run_dir))(run_dir)
    from seqgan_kit.sequences.language_models.causal_generator import LanguageModelGenerator
    from seqgan_kit.sequences.language_models.export import export_adapters, export_model

    generator = getattr(model, "generator", None)
    if not isinstance(generator, LanguageModelGenerator):
        raise UsageError(
            f"{run_dir} is not a run of a language model (--generator hf:...), and transformers knows no "
            "other generator. Use sample, or sk.load in Python."
        )
    note_unfinished(run_dir)
    (export_adapters if options.adapters else export_model)(generator, options.out)
    note = " It has the ids of the run's tokenizer, which transformers does not know."
    if hasattr(model.tokenizer, "export"):
        model.tokenizer.export(options.out)
        note = ""
    reader = "peft" if options.adapters else "transformers"
    write_text(f"{options.out} is ready for {reader}.{note}")


COMMANDS = (
    Command(
        name="export",
        summary="write a trained language model for transformers or peft",
        usage="RUN --out FOLDER [--adapters]",
        details="AutoModelForCausalLM.from_pretrained(FOLDER) then loads the model, and\n"
        "peft.PeftModel.from_pretrained(model, FOLDER) the adapters.",
        examples=("export runs/lm --out my-model", "export runs/lm --out my-adapters --adapters"),
        declare=_declare_export,
        run=_run_export,
    ),
)
