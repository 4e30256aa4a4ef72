"""Flags of commands that compare settings of one recipe: ``tune`` and ``sweep``."""

from __future__ import annotations

import argparse


def declare_search(parser: argparse.ArgumentParser, runs: str) -> None:
    """Add what is compared, and what all runs share; ``runs`` is the command's word for them."""
    parser.add_argument(
        "--metric",
        metavar="NAME",
        default="nll_valid",
        help="value of the last evaluation by which settings are compared (default: nll_valid)",
    )
    parser.add_argument(
        "--better",
        choices=("lower", "higher"),
        default="lower",
        help="whether lower or higher values are better (default: lower)",
    )
    parser.add_argument("--preset", metavar="NAME", default="default", help=f"preset of all {runs}")
    parser.add_argument(
        "--flags",
        metavar="TEXT",
        default="",
        help=f"flags of all {runs}, as in --flags='--text my.txt'",
    )
