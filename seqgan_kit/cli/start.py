"""Entry point of the ``seqgan-kit`` script, which handles Ctrl-C before it imports the commands."""

from __future__ import annotations

from seqgan_kit.ctrl_c import leave_on_ctrl_c


def entry() -> None:
    """Run the command line of this process."""
    leave_on_ctrl_c()
    from seqgan_kit.cli.main import entry

    entry()
