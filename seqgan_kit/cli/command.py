"""Definition of a command and parser of its arguments.

Wrong arguments raise ``UsageError`` instead of ending the process, so that ``main`` reports all user
mistakes alike: exit status 2, one message, the nearest valid name.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from seqgan_kit.errors import UsageError, unknown

PROGRAM = "seqgan-kit"


@dataclass(frozen=True)
class Command:
    """A subcommand of ``seqgan-kit``."""

    name: str
    """Its name on the command line."""
    summary: str
    """One line for the list of commands."""
    usage: str
    """Synopsis of the arguments, for the help text."""
    details: str
    """Description for the help text."""
    examples: tuple[str, ...]
    """Example command lines, without the program's name."""
    declare: Callable[[argparse.ArgumentParser], None]
    """Add the options to a parser."""
    run: Callable[[argparse.Namespace], None]
    """Run the command; it imports what it needs."""
    passes_on: bool = False
    """Whether another parser reads all arguments after the first."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises ``UsageError`` for wrong arguments."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See '{self.prog} --help'.")


def build_parser(command: Command) -> argparse.ArgumentParser:
    """Return the parser of a command, with its help text."""
    examples = "\n".join(f"  {PROGRAM} {line}" for line in command.examples)
    parser = Parser(
        prog=f"{PROGRAM} {command.name}",
        usage=f"{PROGRAM} {command.name} {command.usage}",
        description=command.details,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # An abbreviation that works today can be ambiguous after the next new option.
    )
    command.declare(parser)
    return parser


def option_names(parser: argparse.ArgumentParser) -> list[str]:
    """Return all options of a parser, such as ``-n`` and ``--format``."""
    return sorted(name for action in parser._actions for name in action.option_strings)


def parse(command: Command, words: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments of a command; any mistake raises ``UsageError``."""
    parser = build_parser(command)
    if not command.passes_on:
        _check_long_options(parser, words)
    options, left_over = parser.parse_known_args(words)
    if left_over:
        parser.error(f"unexpected argument {left_over[0]!r}")
    return options


def _check_long_options(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Report a mistyped option first; argparse would only report that the correct one is missing."""
    known = [option for option in option_names(parser) if option.startswith("--")]
    for word in words:
        name = word.split("=")[0]
        if name == "--":
            return
        if name.startswith("--") and name not in known:
            complete = [option for option in known if option.startswith(name)]
            if len(complete) == 1:
                raise UsageError(f"option {name!r} is abbreviated: write {complete[0]!r}.")
            raise unknown("option", name, known)


def whole_number(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """Return an argparse type for whole numbers in a range, both ends included."""
    allowed = f"of {minimum} or more" if maximum is None else f"from {minimum} to {maximum}"

    def convert(text: str) -> int:
        if text.removeprefix("-").isdecimal():
            number = int(text)
            if minimum <= number and (maximum is None or number <= maximum):
                return number
        raise argparse.ArgumentTypeError(f"must be a whole number {allowed}, got {text!r}")

    return convert


def positive_number(maximum: float = float("inf")) -> Callable[[str], float]:
    """Return an argparse type for numbers above 0 and at most ``maximum``."""
    allowed = "above 0" if maximum == float("inf") else f"above 0 and at most {maximum:g}"

    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if 0 < number <= maximum and number != float("inf"):
            return number
        raise argparse.ArgumentTypeError(f"must be a number {allowed}, got {text!r}")

    return convert


def number_between(low: float, high: float) -> Callable[[str], float]:
    """Return an argparse type for numbers in a range, both ends included."""

    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if low <= number <= high:
            return number
        raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}, got {text!r}")

    return convert


def one_of(kind: str, *names: str) -> Callable[[str], str]:
    """Return an argparse type for one of the names; the error suggests the nearest name."""

    def convert(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(str(unknown(kind, text, names)).removesuffix("."))
        return text

    return convert
