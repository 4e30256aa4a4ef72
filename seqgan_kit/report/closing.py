"""The end of a run: its scores on disk and on the screen, the report, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from seqgan_kit.core.runs.run import Run
from seqgan_kit.report.run_page import write_report
from seqgan_kit.report.tables import print_scores


def close_run(run: Run, scores: Mapping[str, Any], own_data: str = "--text FILE") -> None:
    """Writes scores.json and report.html; prints the table, where things lie, and the next commands."""
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
    print(f"  seqgan-kit sample {folder} -n 10        draw more")
    print(f"  {run.resume_command()}        make its scores and report anew")
    print(f"  seqgan-kit run {run.recipe} {own_data} --out runs/mine        your own data")
