"""torchrun's restarts: the launch that a run belongs to, and resuming after a restart."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import read_config
from seqgan_kit.errors import UsageError


def launch_record() -> dict[str, str] | None:
    """Return what identifies this launch by torchrun; None without torchrun.

    The run id alone is not enough: it is ``none`` unless the user sets it.
    """
    run_id = os.environ.get("TORCHELASTIC_RUN_ID")
    if run_id is None:
        return None
    return {"run_id": run_id, "agent": f"{socket.gethostname()}:{os.getppid()}"}


def restarts_left() -> bool:
    """Return whether torchrun will restart the processes if one of them is lost."""
    count, most = (
        int(os.environ.get(f"TORCHELASTIC_{n}", 0)) for n in ("RESTART_COUNT", "MAX_RESTARTS")
    )
    return count < most


def restarted_seconds_ago(folder: Path) -> float | None:
    """Return the seconds since this launch began the run in the folder; None if this is not a restart."""
    if int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) < 1:
        return None
    try:
        record = read_config(folder)
    except UsageError:
        return None
    own = [start for start in _starts(record) if start.get("torchrun") == launch_record()]
    if not own or own[-1] is not _starts(record)[-1]:
        return None
    return max(0.0, time.time() - datetime.fromisoformat(own[0]["started"]).timestamp())


def _starts(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the run's first start and all resumptions."""
    return [record, *record.get("resumes", [])]
