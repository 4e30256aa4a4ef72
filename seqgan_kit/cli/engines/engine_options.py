"""Flags that choose the engine of ``compare`` and ``sweep``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seqgan_kit.cli.command import positive_number, whole_number
from seqgan_kit.cli.engines.engine import Engine
from seqgan_kit.errors import UsageError

_RETRIES = 3
_OF_RAY = ("address", "cpus", "gpus", "retries")

NOTES = """\
--on ray hands every run to a Ray cluster (extra ray) as a task with its own processors and GPUs.
A run whose worker or node is lost is resumed on another node. Start the command on a node of the
cluster, in a folder on storage that all nodes share under one path."""


def declare_engine(parser: argparse.ArgumentParser) -> None:
    """Add the flags to a parser."""
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=whole_number(1),
        help="parallel runs (default: 1; with --on ray, as many as the cluster has room for)",
    )
    parser.add_argument(
        "--on",
        choices=("local", "ray"),
        default="local",
        help="train on this machine or on a Ray cluster (default: local)",
    )
    parser.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="Ray cluster, 'auto' for the one of this machine (default: $RAY_ADDRESS; without it, Ray "
        "is started on this machine for this command)",
    )
    parser.add_argument(
        "--cpus", metavar="N", type=whole_number(1), help="processors of a run on Ray (default: 1)"
    )
    parser.add_argument(
        "--gpus",
        metavar="F",
        type=positive_number(),
        help="GPUs of a run on Ray; a fraction shares one (default: none)",
    )
    parser.add_argument(
        "--retries",
        metavar="N",
        type=whole_number(0),
        help=f"how often a run is resumed after its worker was lost (default: {_RETRIES})",
    )


def check_engine(options: argparse.Namespace) -> None:
    """Refuse flags of Ray without ``--on ray``, and fractions of several GPUs."""
    given = [name for name in _OF_RAY if getattr(options, name) is not None]
    if options.on != "ray" and given:
        raise UsageError(f"--{given[0]} is for Ray alone: add --on ray, or leave it out.")
    if options.gpus and options.gpus > 1 and options.gpus != int(options.gpus):
        raise UsageError(
            f"--gpus {options.gpus:g}: must be a whole number, or a fraction below 1 to share a GPU."
        )


@contextmanager
def chosen_engine(options: argparse.Namespace, out: Path) -> Iterator[Engine]:
    """Offer the engine that the flags choose.

    Args:
        options: flags, as declared here.
        out: folder of all runs.
    """
    if options.on == "local":
        from seqgan_kit.cli.engines.local_engine import LocalEngine

        yield LocalEngine(options.jobs or 1)
        return
    from seqgan_kit.cli.engines.ray_engine import RayEngine

    with RayEngine(
        out,
        address=options.address or "",
        cpus=options.cpus or 1,
        gpus=options.gpus or 0.0,
        jobs=options.jobs,
        retries=_RETRIES if options.retries is None else options.retries,
    ) as engine:
        yield engine
