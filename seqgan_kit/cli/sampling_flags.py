"""Flags that say how tokens are drawn, shared by all commands that draw from a text model."""

from __future__ import annotations

import argparse

from seqgan_kit.cli.command import positive_number, whole_number


def declare_sampling(
    parser: argparse.ArgumentParser, text: str = "", temperature: float | None = 1.0
) -> None:
    """Add temperature, top-k and top-p.

    Args:
        parser: of the command.
        text: beginning of the help of flags that text models alone read.
        temperature: default; None where the command must know whether it was given.
    """
    parser.add_argument(
        "--temperature",
        metavar="T",
        type=positive_number(),
        default=temperature,
        help="sampling temperature: below 1 more typical, above 1 more varied (default: 1, the "
        "model as trained)",
    )
    parser.add_argument(
        "--top-k",
        metavar="K",
        type=whole_number(1),
        help=f"{text}sample from the K likeliest tokens only",
    )
    parser.add_argument(
        "--top-p",
        metavar="P",
        type=positive_number(1.0),
        help=f"{text}sample from the fewest tokens with this total probability",
    )
