"""``chat``: talk to a model that was trained on conversations, in a terminal or through a pipe."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqgan_kit.cli.command import Command, whole_number
from seqgan_kit.cli.run_commands import existing_run, find_loader, model_kind, note_unfinished
from seqgan_kit.cli.sampling_flags import declare_sampling
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.errors import DataError, UsageError

if TYPE_CHECKING:
    from seqgan_kit.evaluation.conditional.conversation import Conversation

HELP = "/reset forgets the conversation, /context shows what the model read last, /quit ends."


def _declare_chat(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_dir", metavar="RUN", type=Path, help="directory of a trained run")
    declare_sampling(parser, temperature=None)
    parser.add_argument(
        "--beam",
        metavar="K",
        type=whole_number(1),
        help="search the likeliest reply with a beam of K rows (default: sample)",
    )
    parser.add_argument(
        "--turns",
        metavar="N",
        type=whole_number(1),
        help="last turns that the model reads (default: all that its source has room for)",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=whole_number(0, 2**63 - 1),
        default=0,
        help="random seed (default: 0)",
    )


def _run_chat(options: argparse.Namespace) -> None:
    run_dir = existing_run(options.run_dir)
    sampling = (options.temperature, options.top_k, options.top_p)
    if options.beam is not None and any(value is not None for value in sampling):
        raise UsageError(
            "--beam searches and does not sample: leave it out, or --temperature, --top-k and --top-p."
        )
    model = find_loader(model_kind(run_dir))(run_dir)
    from torch import Generator

    from seqgan_kit.evaluation.conditional.conversation import Conversation, check_chat

    how: dict[str, Any] = {
        "beam": options.beam,
        "temperature": options.temperature or 1.0,
        "top_k": options.top_k,
        "top_p": options.top_p,
        "rng": Generator().manual_seed(options.seed),
    }
    conversation = Conversation(check_chat(model), how, options.turns)
    note_unfinished(run_dir)
    try:
        talk(conversation, at_terminal=sys.stdin.isatty() and sys.stdout.isatty())
    except KeyboardInterrupt:
        print()


def talk(conversation: Conversation, *, at_terminal: bool) -> None:
    """Answer every line of standard input until it ends or says /quit.

    At a terminal there are prompts and notes. Otherwise each line gets exactly its reply, a line each.
    """
    if at_terminal:
        note = "" if conversation.most_turns is None else f" It reads {_last(conversation)}."
        write_text(f"Type a line to get a reply.{note} {HELP}")
    for line in _lines(at_terminal):
        words = line.split()
        if not words:
            continue
        if words[0].startswith("/"):
            if words[0] == "/quit":
                return
            _obey(words[0], conversation)
            continue
        if at_terminal and (strange := conversation.unknown(line)):
            write_text(f"  (unknown to the model: {', '.join(strange[:5])})")
        reply = conversation.answer(line)
        write_text(f"model> {reply}" if at_terminal else reply)


def _obey(command: str, conversation: Conversation) -> None:
    """Carry out a command; what it has to say goes to standard error, so that a pipe gets replies only."""
    if command == "/reset":
        conversation.reset()
        write_text("  (forgotten)", sys.stderr)
    elif command == "/context":
        write_text(f"  {conversation.read or '(nothing yet)'}", sys.stderr)
    else:
        write_text(f"  {HELP}", sys.stderr)


def _last(conversation: Conversation) -> str:
    turns = conversation.most_turns
    return "your last line only" if turns == 1 else f"the last {turns} turns"


def _lines(at_terminal: bool) -> Iterator[str]:
    """Yield lines until the end of the input."""
    if at_terminal:
        import readline  # noqa: F401  # It gives input() a history and an editable line.
    while True:
        try:
            line = input("you> ") if at_terminal else sys.stdin.readline()
        except EOFError:
            print()
            return
        except UnicodeDecodeError as error:
            raise DataError(f"standard input is not UTF-8 text: {error.reason}.") from None
        if not at_terminal and not line:
            return
        yield line.rstrip("\r\n")


COMMANDS = (
    Command(
        name="chat",
        summary="talk to a model of conversations",
        usage="RUN [--temperature T] [--beam K] [options]",
        details="Answers every line you type with the turns so far as context, which is cut to "
        "the last\ntokens that the model reads. In a pipe, each line of the input gets a line.\n"
        "/reset forgets the conversation, /context shows what the model read last, /quit ends;\n"
        "so do Ctrl-D and Ctrl-C.",
        examples=(
            "chat runs/dialogue",
            "chat runs/dialogue --temperature 0.7",
            "chat runs/dialogue --beam 5 < questions.txt",
        ),
        declare=_declare_chat,
        run=_run_chat,
    ),
)
