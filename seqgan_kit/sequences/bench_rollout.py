"""``seqgan-kit bench rollout``: how much faster one sweep is than the plain loop, here and now."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from seqgan_kit.errors import UsageError

# (option, default, what it is); the defaults are the setting of the SeqGAN paper.
_OPTIONS = (
    ("batch", 64, "sequences in a batch"),
    ("length", 20, "tokens in a sequence (T)"),
    ("vocabulary", 5000, "size of the vocabulary (V)"),
    ("rollouts", 16, "completions of every prefix (N)"),
    ("repeats", 3, "how often each way is timed, in turns"),
    ("seed", 0, "of weights and samples"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Parses options, measures, prints; returns the exit status."""
    options = vars(_parser().parse_args(argv))
    threads = options.pop("threads")
    for name, value in options.items():
        if value < (2 if name in ("length", "vocabulary", "rollouts") else name != "seed"):
            raise UsageError(f"--{name} {value} is too small to measure anything.")
    if threads < 0:
        raise UsageError(f"--threads {threads}: give a number of threads, or 0 for torch's choice.")
    # torch is loaded only when something is computed, so that --help is quick.
    import torch

    from seqgan_kit.sequences.rollout_timing import RolloutSetting, report, time_rollouts

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        setting = RolloutSetting(**options)
        print(report(setting, time_rollouts(setting, lambda line: print(line, flush=True))))
    finally:
        torch.set_num_threads(before)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqgan-kit bench rollout",
        description="Times Monte-Carlo rollout rewards against a plain loop that replays every prefix, "
        "in turns within one run. With the defaults it takes two to three minutes.",
    )
    for name, default, meaning in _OPTIONS:
        parser.add_argument(
            f"--{name}", type=int, default=default, help=f"{meaning} (default {default})"
        )
    parser.add_argument(
        "--threads", type=int, default=0, help="CPU threads (default: torch's choice)"
    )
    return parser
