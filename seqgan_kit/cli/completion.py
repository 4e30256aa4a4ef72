"""``completion``: shell scripts that complete commands, options and recipe names."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from seqgan_kit.cli.command import PROGRAM, Command, build_parser, one_of, option_names
from seqgan_kit.cli.tools import all_benches

_SHELLS = ("bash", "zsh", "fish")
# The script lists recipes at completion time, so a new recipe needs no new script.
_LIST_RECIPES = f"{PROGRAM} ls --names 2>/dev/null"


def command(others: Sequence[Command]) -> Command:
    """Return the ``completion`` command for all other commands."""

    def run(options: argparse.Namespace) -> None:
        print(script(options.shell, [*others, itself]))

    itself = Command(
        name="completion",
        summary="print a completion script for bash, zsh or fish",
        usage="bash|zsh|fish",
        details="Prints a script for your shell; after loading it, Tab completes commands, options "
        "and\nrecipe names.",
        examples=(
            "completion bash > ~/.local/share/bash-completion/completions/seqgan-kit",
            "completion zsh > ~/.zfunc/_seqgan-kit      # a folder in $fpath",
            "completion fish > ~/.config/fish/completions/seqgan-kit.fish",
        ),
        declare=_declare,
        run=run,
    )
    return itself


def script(shell: str, commands: Sequence[Command]) -> str:
    """Return the completion script for a shell."""
    return _WRITERS[shell](commands)


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "shell", metavar="SHELL", type=one_of("shell", *_SHELLS), help=", ".join(_SHELLS)
    )


def _first_words(command: Command) -> str:
    """Return shell text that expands to the allowed first arguments of a command, if they are a closed
    list.
    """
    return {
        "cp": f"$({_LIST_RECIPES})",
        "run": f"$({_LIST_RECIPES})",
        "bench": " ".join(all_benches()),
        "completion": " ".join(_SHELLS),
    }.get(command.name, "")


def _options(command: Command) -> str:
    return " ".join(option_names(build_parser(command)))


def _cases(commands: Sequence[Command]) -> str:
    return "\n".join(
        f'    {command.name}) first="{_first_words(command)}"; options="{_options(command)}" ;;'
        for command in commands
    )


def _bash(commands: Sequence[Command]) -> str:
    return f"""\
_seqgan_kit() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" first="" options=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(command.name for command in commands)}" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{_cases(commands)}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ] && [ -n "$first" ]; then
    COMPREPLY=($(compgen -W "$first" -- "$word"))
  fi
}}
complete -o default -F _seqgan_kit {PROGRAM}"""


def _zsh(commands: Sequence[Command]) -> str:
    listed = "\n".join(f"    '{command.name}:{command.summary}'" for command in commands)
    return f"""\
#compdef {PROGRAM}
_seqgan_kit() {{
  local first="" options=""
  local -a commands
  commands=(
{listed.replace(": ", " - ")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
{_cases(commands)}
  esac
  if [[ "$PREFIX" == -* ]]; then
    compadd -- ${{=options}}
  elif (( CURRENT == 3 )) && [[ -n "$first" ]]; then
    compadd -- ${{=first}}
  else
    _files
  fi
}}
if [[ "$funcstack[1]" == _seqgan-kit ]]; then _seqgan_kit "$@"; else compdef _seqgan_kit {PROGRAM}; fi"""


def _fish(commands: Sequence[Command]) -> str:
    lines = []
    for command in commands:
        lines.append(
            f"complete -c {PROGRAM} -n __fish_use_subcommand -f -a {command.name} "
            f"-d '{command.summary}'"
        )
        seen = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {command.name}'"
        first = _first_words(command).replace("$(", "(")
        if first:
            lines.append(f"{seen} -f -a '{first}'")
        for option in option_names(build_parser(command)):
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            lines.append(f"{seen} {flag}")
    return "\n".join(lines)


_WRITERS: dict[str, Callable[[Sequence[Command]], str]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
