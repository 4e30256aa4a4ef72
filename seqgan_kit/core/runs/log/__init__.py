"""The run directory: what a run writes down, and how it is read again.

    config.json     what was asked, with versions, seed, revision and command line
    metrics.jsonl   one row a round: numbers, alarms, the starts of phases
    samples/        RRRRRR.txt or RRRRRR.png by total round;  figures/  the final pictures
    checkpoints/    to resume from;  model/  to sample from
    scores.json     the final table;  report.html

No torch is imported here, so a report of a run is quick to make.
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
from seqgan_kit.core.runs.log.run_log import RunLog

__all__ = [
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
