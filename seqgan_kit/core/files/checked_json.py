"""Read JSON files that this program wrote, and check them before use.

    model = read_checked(path, MODEL)

where MODEL is a kind (see ``json_kinds.py``). For a file that does not match, the error names the file, the
field, its value and what is allowed. Files may come from untrusted sources, so their size and nesting are
limited too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from seqgan_kit.core.files.json_kinds import Kind, Misfit, check_inside
from seqgan_kit.errors import CheckpointError, SeqganKitError

MOST_BYTES = 256 << 20
_PUT_BACK = "Restore the file that the program wrote."


def read_checked(
    path: Path,
    kind: Kind,
    *,
    error: type[SeqganKitError] = CheckpointError,
    advice: str = _PUT_BACK,
    most_bytes: int = MOST_BYTES,
) -> Any:
    """Return the value in a JSON file, checked; a missing file stays a FileNotFoundError.

    Args:
        path: the file.
        kind: what the file must contain.
        error: the class of error to raise for a file that does not match.
        advice: the last sentence of that error.
        most_bytes: larger files are refused without reading them.
    """
    return parsed(_content(path, error, most_bytes), kind, str(path), error=error, advice=advice)


def read_checked_lines(path: Path, kind: Kind, *, advice: str = _PUT_BACK) -> list[Any]:
    """Return the values of a file with one JSON value per line, without an incomplete last line."""
    lines = _content(path, CheckpointError, MOST_BYTES).splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    try:
        # One parse of one list: a long run's report spends half its time here otherwise.
        rows: list[Any] = _loads(b"[" + b",".join(lines) + b"]")
        for place, row in enumerate(rows):
            check_inside(row, kind, place)
    except (ValueError, RecursionError) as reason:
        told = f"{path} holds a row that is not JSON ({_why(reason)}). {advice}"
        raise CheckpointError(told) from None
    except Misfit as misfit:
        told = f"{path} is damaged or was edited: row {misfit}. {advice}"
        raise CheckpointError(told) from None
    return rows


def parsed(
    content: bytes | str,
    kind: Kind,
    name: str,
    *,
    error: type[SeqganKitError] = CheckpointError,
    advice: str = _PUT_BACK,
) -> Any:
    """Return the checked value of a JSON text; messages refer to it as ``name``."""
    try:
        value = _loads(content)
    except (ValueError, RecursionError) as reason:
        raise error(f"{name} is damaged: it is not JSON ({_why(reason)}). {advice}") from None
    check(value, kind, name, error=error, advice=advice)
    return value


def check(
    value: Any,
    kind: Kind,
    name: str,
    *,
    error: type[SeqganKitError] = CheckpointError,
    advice: str = _PUT_BACK,
) -> None:
    """Raise an error for a value that does not match the kind."""
    try:
        kind(value)
    except Misfit as misfit:
        raise error(f"{name} is damaged or was edited: {misfit}. {advice}") from None


def _content(path: Path, error: type[SeqganKitError], most_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as reason:
        raise error(f"{path} cannot be read: {reason.strerror}.") from None
    if len(content) > most_bytes:
        raise error(
            f"{path} is larger than {most_bytes >> 20} MiB, the limit for this kind of file."
        )
    return content


def _loads(content: bytes | str) -> Any:
    return json.loads(content, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _why(reason: BaseException) -> str:
    return (
        "it is nested too deeply"
        if isinstance(reason, RecursionError)
        else str(reason).split("\n")[0]
    )
