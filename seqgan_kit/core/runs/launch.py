"""The command line of a recipe: preset, settings file and flags, each overriding the one before."""

from __future__ import annotations

import atexit
import dataclasses
import itertools
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import tyro

from seqgan_kit.core.files.settings_files import read_settings
from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.core.runs.log import read_config, settings_of
from seqgan_kit.core.runs.named_models import with_named_models
from seqgan_kit.core.runs.recipe_help import recipe_help
from seqgan_kit.core.runs.run import HasRun
from seqgan_kit.core.runs.settings import merged
from seqgan_kit.core.runs.terminal import write_text
from seqgan_kit.ctrl_c import is_ctrl_c, leave_on_ctrl_c, raise_on_ctrl_c
from seqgan_kit.errors import (
    DataErrorOfOneProcess,
    Interrupted,
    LostProcess,
    SeqganKitError,
    TrainingError,
    UsageError,
    check_words,
    let_go_of_output,
    system_problem,
    unknown,
)

C = TypeVar("C", bound=HasRun)

# torch's messages on a CPU, on a GPU, and for a tensor whose size exceeds 64 bits.
_NO_MEMORY = re.compile(
    r"can't allocate memory|out of memory|Storage size calculation overflowed", re.IGNORECASE
)

# A field of a recipe's Config whose own fields become flags without the field's name as a prefix.
flat = tyro.conf.arg(name="")


def launch(main: Callable[[C], object], presets: Mapping[str, C]) -> None:
    """Run a recipe from the command line; for a user's mistake, print one sentence and exit with status 2."""
    is_a_script = False
    try:
        is_a_script = raise_on_ctrl_c()
        check_words(sys.argv[1:])
        main(parse(presets, sys.argv[1:], main.__globals__.get("__doc__") or ""))
        sys.stdout.flush()
    except Interrupted as stop:
        _tell(str(stop))
        sys.exit(stop.exit_code)
    except LostProcess as error:
        print(
            f"error: {error}", file=sys.stderr
        )  # Every process prints this, since rank 0 may be the lost one.
        sys.exit(1)
    except TrainingError as error:
        _tell(f"error: {error}")
        sys.exit(1)
    except DataErrorOfOneProcess as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except SeqganKitError as error:
        _tell(f"error: {error}")
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if is_ctrl_c(error):
            _end_by_ctrl_c()
        if not isinstance(error, MemoryError) and not _NO_MEMORY.search(str(error)):
            raise
        # Every process may print this, since only one may run out of memory.
        told = f"error: out of memory{_asked_for(str(error))}. Use smaller networks or a smaller batch size."
        print(told, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        _end_by_ctrl_c()
    except BrokenPipeError:  # The reader of the output has closed it, as in "--help | head".
        let_go_of_output()
        sys.exit(141)
    except (OSError, UnicodeEncodeError) as error:
        let_go_of_output()
        _tell(f"error: {system_problem(error)}")
        sys.exit(2)
    except Exception as error:
        if not is_ctrl_c(error):
            raise
        _end_by_ctrl_c()
    if is_a_script:
        leave_on_ctrl_c()  # The interpreter takes a moment to end.
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            _leave_without_teardown()


def _leave_without_teardown() -> NoReturn:
    """End a process of several, whose run is complete.

    Threads of torch's process group abort the interpreter's teardown now and then ("terminate called without
    an active exception", seen in one end of ten), and torchrun then stops the processes that still score.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _end_by_ctrl_c() -> NoReturn:
    _tell("Stopped at once; saved checkpoints are kept.")
    sys.exit(130)


def parse(presets: Mapping[str, C], arguments: Sequence[str], description: str) -> C:
    """Return the configuration that the arguments ask for.

    The first word may name a preset. ``--config FILE`` (YAML or TOML) overrides the preset; flags override
    both. With ``--resume RUN_DIR``, the settings of that run replace the preset.
    """
    left = list(arguments)
    preset, flagged = "default", _take(left, "--preset", "name")
    if flagged is not None:
        preset = flagged
    elif left and not left[0].startswith("-"):
        preset = left.pop(0)
    if preset not in presets:
        raise unknown("preset", preset, presets)
    if flagged is not None:
        words = shlex.join([flagged, *left])
        raise UsageError(f"a preset is the first word, without a flag: {_program()} {words}")
    resumed = _take(left, "--resume")
    base = chosen_settings(presets, preset, None if resumed is None else expanded(resumed))
    for path in iter(lambda: _take(left, "--config"), None):
        base = merged(base, read_settings(Path(path)))
    _check_preset_first(presets, arguments, left, _switches(base))
    left = with_named_models(left, base)
    if {"-h", "--help"} & set(left):
        write_text(
            recipe_help(base, _program(), f"{description.strip()}\n\n{_before_flags(presets)}")
        )
        sys.exit(0)
    return tyro.cli(
        type(base),
        args=left,
        default=base,
        config=(tyro.conf.FlagCreatePairsOff, tyro.conf.AvoidSubcommands),
        prog=_program(),
    )


def _before_flags(presets: Mapping[str, Any]) -> str:
    """Describe the arguments that are allowed besides the flags."""
    return (
        f"Presets, as an optional first word: {', '.join(presets)}.\n"
        "--config FILE reads settings from YAML or TOML; --resume RUN continues a run."
    )


def chosen_settings(presets: Mapping[str, C], preset: str, resumed: Path | None = None) -> C:
    """Return the configuration of a preset, or of the run to be resumed."""
    if preset not in presets:
        raise unknown("preset", preset, presets)
    base = _with_run(presets[preset], preset=preset)
    return base if resumed is None else _of_run(_without_preset(base), resumed)


def _check_preset_first(
    presets: Mapping[str, Any], given: Sequence[str], left: Sequence[str], switches: set[str]
) -> None:
    """Refuse a preset name after flags, unless it is the value of a flag; the error says what to type."""
    for before, word in itertools.pairwise(left):
        alone = not before.startswith("-") or "=" in before or before.split(".")[-1] in switches
        if word not in presets or not alone:
            continue
        if given[0] in presets:
            raise UsageError(f"two presets are given, {given[0]!r} and {word!r}: give only one.")
        rest = list(given)
        rest.remove(word)
        raise UsageError(
            f"the preset comes first, before all flags: {_program()} {shlex.join([word, *rest])}"
        )


def _switches(config: Any) -> set[str]:
    """Return the flags without a value, such as --overwrite, without their group prefix."""
    found: set[str] = set()
    for field in dataclasses.fields(config):
        value, name = getattr(config, field.name), field.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            found |= _switches(value)
        elif isinstance(value, bool):
            found |= {name, f"--{name}", f"no-{name}", f"--no-{name}"}
    return found


def _of_run(base: C, folder: Path) -> C:
    """Return the settings of the run in the folder, changed so that it resumes there."""
    if not (folder / "config.json").is_file():
        raise UsageError(f"{folder} has no run to resume: there is no config.json. Check the path.")
    record, settings = read_config(folder), settings_of(folder)
    settings["run"] = settings.get("run", {}) | {
        "resume": str(folder),
        "overwrite": False,
        "max_minutes": 0.0,
    }
    try:
        return merged(base, settings)
    except UsageError as error:
        raise UsageError(
            f"{folder} is a run of the recipe {record.get('recipe')!r}; this recipe cannot take its "
            f"settings: {error}"
        ) from error


def _without_preset(base: C) -> C:
    """Return the configuration's own defaults, for settings that an older run does not have."""
    try:
        return type(base)()
    except TypeError:  # A user's recipe may have settings without a default.
        return base


def _with_run(base: C, **changes: Any) -> C:
    return dataclasses.replace(base, run=dataclasses.replace(base.run, **changes))  # type: ignore[type-var]


def _take(arguments: list[str], flag: str, what: str = "path") -> str | None:
    """Remove ``flag VALUE`` or ``flag=VALUE`` from the arguments, and return the value."""
    for i, word in enumerate(arguments):
        if word.startswith(flag + "="):
            return arguments.pop(i).split("=", 1)[1]
        if word == flag:
            if i + 1 == len(arguments):
                raise UsageError(f"{flag} needs a {what} after it.")
            del arguments[i]
            return arguments.pop(i)
    return None


def _asked_for(text: str) -> str:
    """Return the size of the allocation that failed, if torch's message states it."""
    found = re.search(r"[Tt]ried to allocate ([\d.]+) ?(\w+)", text)
    if not found:
        return ""
    amount, unit = found.groups()
    return f": {int(amount):,} bytes at once" if unit == "bytes" else f": {amount} {unit} at once"


def _program() -> str:
    return f"python {sys.argv[0]}" if sys.argv[0].endswith(".py") else sys.argv[0]


def _tell(text: str) -> None:
    if int(os.environ.get("RANK", 0)) == 0:
        write_text(text, sys.stderr)
