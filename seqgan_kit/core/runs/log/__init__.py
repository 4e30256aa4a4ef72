"""The run directory: writing and reading the files of a run.

    config.json     settings, versions, seed, revision and command line
    metrics.jsonl   one row per round: values, alarms, starts of phases
    samples/        RRRRRR.txt or RRRRRR.png by total round;  figures/  the final images
    checkpoints/    to resume from;  model/  to sample from
    scores.json     the final table;  report.html

This package does not import torch, so reports of runs are fast to make.
"""

from seqgan_kit.core.runs.log.folder import would_delete
from seqgan_kit.core.runs.log.lock import FolderLock
from seqgan_kit.core.runs.log.provenance import provenance
from seqgan_kit.core.runs.log.records import (
    read_config,
    read_metrics,
    read_scores,
    settings_of,
    write_whole,
)
from seqgan_kit.core.runs.log.run_log import SHEET_COLUMNS, SHEETS, RunLog

__all__ = [
    "SHEETS",
    "SHEET_COLUMNS",
    "FolderLock",
    "RunLog",
    "provenance",
    "read_config",
    "read_metrics",
    "read_scores",
    "settings_of",
    "would_delete",
    "write_whole",
]
