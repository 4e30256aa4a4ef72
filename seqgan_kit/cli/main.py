"""Entry point of ``seqgan-kit``: find the command, run it, report mistakes.

Exit status: 0 for success, 2 for a user mistake that the message explains, 130 for an interruption, 141 if
the reader of the output closed it. Any other failure is a bug and keeps its traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from seqgan_kit import __version__
from seqgan_kit.cli import completion, table, tools
from seqgan_kit.cli import export_command as export
from seqgan_kit.cli import hub_commands as hub
from seqgan_kit.cli import latent_commands as latent
from seqgan_kit.cli import recipe_commands as recipes
from seqgan_kit.cli import run_commands as runs
from seqgan_kit.cli.applying import attack_command as attack
from seqgan_kit.cli.applying import chat_command as chat
from seqgan_kit.cli.applying import detect_command as detect
from seqgan_kit.cli.applying import probe_command as probe
from seqgan_kit.cli.applying import recognise_command as recognise
from seqgan_kit.cli.applying import translate_commands as translate
from seqgan_kit.cli.bleu import bleu_command as scores
from seqgan_kit.cli.command import PROGRAM, Command, build_parser, parse
from seqgan_kit.cli.compare import compare_command as compare
from seqgan_kit.cli.evaluate import evaluate_command as evaluate
from seqgan_kit.cli.explore import explore_command as explore
from seqgan_kit.cli.painting import dream_command as dream
from seqgan_kit.cli.painting import paint_command as paint
from seqgan_kit.cli.sweep import sweep_command as sweep
from seqgan_kit.cli.tune import tune_command as tune
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.ctrl_c import is_ctrl_c, leave_on_ctrl_c, raise_on_ctrl_c
from seqgan_kit.errors import (
    Interrupted,
    SeqganKitError,
    let_go_of_output,
    system_problem,
    unknown,
)

GROUPS: dict[str, tuple[Command, ...]] = {
    "recipes, one script per method": recipes.COMMANDS,
    "trained runs": (
        *runs.COMMANDS,
        *chat.COMMANDS,
        *translate.COMMANDS,
        *attack.COMMANDS,
        *recognise.COMMANDS,
        *probe.COMMANDS,
        *paint.COMMANDS,
        *dream.COMMANDS,
        *detect.COMMANDS,
        *explore.COMMANDS,
        *table.COMMANDS,
        *evaluate.COMMANDS,
        *compare.COMMANDS,
        *sweep.COMMANDS,
        *tune.COMMANDS,
        *hub.COMMANDS,
        *export.COMMANDS,
    ),
    "latent space of trained image models": latent.COMMANDS,
    "scores of text files": scores.COMMANDS,
    "tools": tools.COMMANDS,
}


def all_commands() -> list[Command]:
    """Return all commands in the order of the help text."""
    listed = [command for group in GROUPS.values() for command in group]
    return [*listed, completion.command(listed)]


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status.

    Args:
        words: the arguments after ``seqgan-kit``; by default those of this process.
    """
    given = list(sys.argv[1:] if words is None else words)
    try:
        raise_on_ctrl_c()
        _dispatch(given)
        sys.stdout.flush()
    except Interrupted as stop:
        write_text(f"{_speaker(given)}: {stop}", sys.stderr)
        return stop.exit_code
    except SeqganKitError as error:
        write_text(f"{_speaker(given)}: error: {error}", sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{_speaker(given)}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        let_go_of_output()
        return 141
    except (OSError, UnicodeEncodeError) as error:
        let_go_of_output()
        write_text(f"{_speaker(given)}: error: {system_problem(error)}", sys.stderr)
        return 2
    except Exception as error:
        if not is_ctrl_c(error):
            raise
        print(f"{_speaker(given)}: interrupted", file=sys.stderr)
        return 130
    return 0


def entry() -> None:
    """Run the command line of this process and end it."""
    code = main()
    leave_on_ctrl_c()  # Ctrl-C must also be handled while the interpreter shuts down.
    sys.exit(code)


def overview() -> str:
    """Return the text of ``seqgan-kit --help``."""
    lines = [
        f"usage: {PROGRAM} COMMAND ...",
        "",
        "GANs on discrete sequences and on images: train, sample, score.",
    ]
    groups = {**GROUPS, "shell": (all_commands()[-1],)}
    for title, commands in groups.items():
        lines += ["", f"{title}:"]
        lines += [f"  {command.name:<12}{command.summary}" for command in commands]
    lines += [
        "",
        "first steps:",
        f"  {PROGRAM} ls",
        f"  {PROGRAM} run seqgan smoke --out runs/first",
        f"  {PROGRAM} sample runs/first -n 10",
        "",
        f"'{PROGRAM} COMMAND --help' explains a command; '{PROGRAM} --version' prints the version.",
    ]
    return "\n".join(lines)


def _dispatch(given: list[str]) -> None:
    commands = {command.name: command for command in all_commands()}
    if not given or given in (["-h"], ["--help"], ["help"]):
        print(overview())
    elif given[0] == "--version":
        print(f"{PROGRAM} {__version__}")
    elif given[0] == "help":
        print(build_parser(_find(commands, given[1])).format_help(), end="")
    else:
        command = _find(commands, given[0])
        command.run(parse(command, given[1:]))


def _find(commands: dict[str, Command], name: str) -> Command:
    if name.startswith("-"):
        raise unknown("option", name, ["--help", "--version"])
    if name not in commands:
        raise unknown("command", name, commands)
    return commands[name]


def _speaker(given: list[str]) -> str:
    """Return the program's name, followed by the command if it is known."""
    known = any(command.name == given[0] for command in all_commands()) if given else False
    return f"{PROGRAM} {given[0]}" if known else PROGRAM


if __name__ == "__main__":
    entry()
