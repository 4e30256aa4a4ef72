"""``attack``: images perturbed so that a trained classifier names another class."""

from __future__ import annotations

import argparse
from typing import Any

from seqgan_kit.cli.applying.translate_commands import declare_images, tell_skipped
from seqgan_kit.cli.command import Command, one_of, positive_number, whole_number
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.errors import UsageError


def _declare(parser: argparse.ArgumentParser) -> None:
    declare_images(parser)
    parser.add_argument(
        "--epsilon",
        metavar="E",
        type=positive_number(),
        help="largest perturbation, in grey levels of 255 (default: 8 for linf, 128 for l2)",
    )
    parser.add_argument(
        "--norm",
        metavar="NORM",
        type=one_of("norm", "linf", "l2"),
        default="linf",
        help="what epsilon limits: each pixel value (linf, the default) or the length of all (l2)",
    )
    parser.add_argument(
        "--steps",
        metavar="N",
        type=whole_number(1),
        default=20,
        help="projected gradient steps (default: 20)",
    )
    parser.add_argument(
        "--seed", metavar="S", type=whole_number(0), default=0, help="random seed (default: 0)"
    )


def _run(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    model: Any = find_loader(model_kind(run_dir))(run_dir)
    if not hasattr(model, "attack_files"):
        raise UsageError(
            f"the model in {run_dir} is no classifier, so there is nothing to attack: give a run of "
            "'seqgan-kit run adversarial_training' or 'seqgan-kit run vat'."
        )
    note_unfinished(run_dir)
    from seqgan_kit.core.runs.long_work import long_work

    epsilon = options.epsilon or (8.0 if options.norm == "linf" else 128.0)
    with long_work("attack"):
        done, changed = model.attack_files(
            options.images,
            options.out,
            norm=options.norm,
            epsilon=epsilon,
            steps=options.steps,
            seed=options.seed,
            strict=options.strict,
        )
    print(f"wrote {done.written:,} image{'s' * (done.written != 1)} to {options.out}")
    print(f"the classifier names {changed:,} of them otherwise than before the attack")
    tell_skipped(done.skipped)


COMMANDS = (
    Command(
        name="attack",
        summary="perturb images until a trained classifier errs",
        usage="RUN --images DIR|FILE --out DIR [--norm NORM] [--epsilon E] [--steps N]\n"
        "           [--seed S] [--strict]",
        details="Brings the middle square of each image to the classifier's size, perturbs it by projected\n"
        "gradient steps, away from the class that the classifier names. No pixel value changes by more\n"
        "than epsilon grey levels (linf), or all together by more than that length (l2).",
        examples=(
            "attack runs/adversarial_training --images photos --out attacked",
            "attack runs/vat --images photos --out attacked --norm l2 --epsilon 64",
        ),
        declare=_declare,
        run=_run,
    ),
)
