"""Read settings files (YAML, TOML, JSON) as plain data, with limits on size, depth and expansion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqgan_kit.errors import UsageError

_MOST_BYTES = 1 << 20
_MOST_VALUES = 100_000
"""Limit after all aliases are expanded: a few lines of nested aliases can stand for billions of values."""
_DEEPEST = 32
_LARGEST_WHOLE = 2**63 - 1


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings in a YAML, TOML or JSON file."""
    if not path.is_file():
        raise UsageError(f"the settings file {path} does not exist: check the path.")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(
                f"{path} is larger than {_MOST_BYTES >> 20} MiB, the limit for settings files."
            )
        text = path.read_text(encoding="utf-8-sig")
        data = _toml(text) if path.suffix == ".toml" else _yaml(text, path)
        _check_values(data, path, _DEEPEST)
    except RecursionError:
        raise _too_deep(path) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (
        ValueError
    ) as error:  # Text that is not UTF-8, invalid numbers and dates, and TOML's errors.
        raise UsageError(f"{path} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} must hold settings by name, such as 'seed: 3'.")
    return data


def _toml(text: str) -> Any:
    import tomllib

    return tomllib.loads(text)


def _yaml(text: str, path: Path) -> Any:
    import yaml

    try:
        _check_events(yaml.parse(text, Loader=yaml.SafeLoader), path)
        return yaml.safe_load(text)  # JSON is a subset of YAML.
    except yaml.YAMLError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _check_events(events: Any, path: Path) -> None:
    """Refuse excessive depth and expansion before building any value, since building takes the time."""
    import yaml

    sizes: dict[str, int] = {}
    # One entry per open container: its anchor and the number of values in it so far.
    opened: list[tuple[str | None, int]] = [(None, 0)]
    for event in events:
        count = 0
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, 1))
            if len(opened) > _DEEPEST + 1:
                raise _too_deep(path)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, count = opened.pop()
            sizes |= {anchor: count} if anchor else {}
        elif isinstance(event, yaml.ScalarEvent):
            count = 1
            sizes |= {event.anchor: 1} if event.anchor else {}
        elif isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in opened):
                raise UsageError(
                    f"{path}: the alias *{event.anchor} is inside the value that it repeats."
                )
            count = sizes.get(event.anchor or "", 1)  # The YAML parser reports unknown aliases.
        anchor, before = opened[-1]
        opened[-1] = (anchor, before + count)
        if before + count > _MOST_VALUES:
            raise UsageError(
                f"{path} has more than {_MOST_VALUES:,} values when its aliases (*{anchor or 'name'}) are "
                "expanded, the limit for settings files."
            )


def _check_values(value: Any, path: Path, levels: int) -> None:
    """Refuse numbers too long to print, and nesting too deep for later code."""
    if not levels:
        raise _too_deep(path)
    if isinstance(value, int) and abs(value) > _LARGEST_WHOLE:
        raise UsageError(f"{path} has a whole number of more than 64 bits: no setting takes one.")
    if isinstance(value, dict | list | tuple | set):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_values(item, path, levels - 1)


def _too_deep(path: Path) -> UsageError:
    return UsageError(f"{path} is nested more than {_DEEPEST} levels deep: flatten it.")
