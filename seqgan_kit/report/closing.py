"""The end of a run: write scores and report, print the table and the next commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from seqgan_kit.core.runs.run import Run
from seqgan_kit.report.run_page import write_report
from seqgan_kit.report.tables import print_scores


def close_run(
    run: Run, scores: Mapping[str, Any], own_data: str = "--text FILE", use: str = ""
) -> None:
    """Write scores.json and report.html; print the table, the paths and the next commands."""
    run.log.write_scores(scores)
    report = write_report(run.folder)
    if run.settings.quiet:
        return
    print_scores(scores)
    folder = shlex.quote(str(run.folder))
    print(f"report      {report}")
    print(f"samples     {run.folder / 'samples'}")
    print(f"checkpoint  {run.log.checkpoint_folder}")
    print("\nNext:")
    first = f"{use}        apply it" if use else f"sample {folder} -n 10        sample again"
    print(f"  seqgan-kit {first}")
    print(f"  {run.resume_command()}        recompute scores and report")
    print(f"  seqgan-kit run {run.recipe} {own_data} --out runs/mine        train on your own data")
