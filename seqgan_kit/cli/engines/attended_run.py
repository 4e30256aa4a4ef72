"""The process of a run on a node of a cluster, which ends with the worker that started it.

Use: ``python -m seqgan_kit.cli.engines.attended_run PARENT run RECIPE ARGUMENTS``, with the worker's process
id. If a worker is killed, another node resumes the run, so its process must not go on writing.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

_LOOK_SECONDS = 0.5


def end_with(parent: int) -> None:
    """Kill this process as soon as its parent is gone. The run resumes from its last checkpoint."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="attend", daemon=True).start()


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    from seqgan_kit.cli.main import main
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    code = main(sys.argv[2:])
    leave_on_ctrl_c()
    sys.exit(code)
