"""What a command is, and how its words are parsed.

Wrong words raise ``UsageError`` instead of ending the process, so that ``main`` reports every user
mistake in one way: exit status 2, one message, the nearest valid name.
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
    """One word after ``seqgan-kit``."""

    name: str
    """The word."""
    summary: str
    """What it does, in one line."""
    usage: str
    """Its words in short, as the help text shows them."""
    details: str
    """What a newcomer needs to know before using it."""
    examples: tuple[str, ...]
    """Command lines to copy, without the program's name."""
    declare: Callable[[argparse.ArgumentParser], None]
    """Adds the options."""
    run: Callable[[argparse.Namespace], None]
    """Does the work; imports what it needs."""
    passes_on: bool = False
    """Whether all words after the first are somebody else's to parse."""


class Parser(argparse.ArgumentParser):
    """Reports wrong words as mistakes of the user."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See '{self.prog} --help'.")


def build_parser(command: Command) -> argparse.ArgumentParser:
    """The parser of one command, with its help text."""
    examples = "\n".join(f"  {PROGRAM} {line}" for line in command.examples)
    parser = Parser(
        prog=f"{PROGRAM} {command.name}",
        usage=f"{PROGRAM} {command.name} {command.usage}",
        description=command.details,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # an abbreviation that works today is ambiguous after the next option
    )
    command.declare(parser)
    return parser


def option_names(parser: argparse.ArgumentParser) -> list[str]:
    """All options of a parser, such as ``-n`` and ``--format``."""
    return sorted(name for action in parser._actions for name in action.option_strings)


def parse(command: Command, words: Sequence[str]) -> argparse.Namespace:
    """Parses the words after the command's name; any mistake is a ``UsageError``."""
    parser = build_parser(command)
    if not command.passes_on:
        _check_long_options(parser, words)
    options, left_over = parser.parse_known_args(words)
    if left_over:
        parser.error(f"unexpected argument {left_over[0]!r}")
    return options


def _check_long_options(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Finds a mistyped option first: else argparse would only say that the right one is missing."""
    known = [option for option in option_names(parser) if option.startswith("--")]
    for word in words:
        name = word.split("=")[0]
        if name == "--":
            return
        if name.startswith("--") and name not in known:
            complete = [option for option in known if option.startswith(name)]
            if len(complete) == 1:
                raise UsageError(f"options are written out: {complete[0]!r} instead of {name!r}.")
            raise unknown("option", name, known)


def whole_number(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """An argparse type: whole numbers in a range, both ends included."""
    allowed = f"from {minimum} on" if maximum is None else f"from {minimum} to {maximum}"

    def convert(text: str) -> int:
        if text.removeprefix("-").isdecimal():
            number = int(text)
            if minimum <= number and (maximum is None or number <= maximum):
                return number
        raise argparse.ArgumentTypeError(f"a whole number {allowed} is needed, got {text!r}")

    return convert


def positive_number(maximum: float = float("inf")) -> Callable[[str], float]:
    """An argparse type: numbers above 0 and at most ``maximum``."""
    allowed = "above 0" if maximum == float("inf") else f"above 0 and at most {maximum:g}"

    def convert(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        if 0 < number <= maximum and number != float("inf"):
            return number
        raise argparse.ArgumentTypeError(f"a number {allowed} is needed, got {text!r}")

    return convert


def one_of(kind: str, *names: str) -> Callable[[str], str]:
    """An argparse type: one of the names, with the nearest suggested for any other."""

    def convert(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(str(unknown(kind, text, names)).removesuffix("."))
        return text

    return convert
