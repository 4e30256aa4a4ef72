"""Samples for the report: early and late ones, with images embedded in the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from seqgan_kit.core.runs.log import SHEETS
from seqgan_kit.report.charts.plane import Span

_LINES = 12
_CHARACTERS = 400
_PICTURE_BYTES = 4_000_000
_SOUND_BYTES = 500_000
_SOUNDS = 5


@dataclass(frozen=True)
class Sample:
    """The contents of one file of samples."""

    title: str
    lines: list[str]
    picture: str = ""
    """Image as a data URI."""
    problem: str = ""
    """Reason why there is nothing to show."""
    sound: str = ""
    """Sound as a data URI."""
    link: str = ""
    """File beside the page that has the same sound in another form."""


def stages(folder: Path, phases: Sequence[Span]) -> list[Sample]:
    """Return the first samples, the last before the last phase, and the last."""
    files = sample_files(folder)
    rounds = sorted(files)
    before = [at for at in rounds if phases and at <= phases[-1].start]
    wanted = {*rounds[:1], *before[-1:], *rounds[-1:]}
    return [sample_of(files[at], round_title(at, phases)) for at in sorted(wanted)]


def last_sample(folder: Path, title: str) -> Sample:
    """Return the last samples of a run."""
    files = sample_files(folder)
    if not files:
        return Sample(title, [], problem="no samples were drawn")
    return sample_of(files[max(files)], title)


def sounds(folder: Path) -> list[Sample]:
    """Return the last sounds of a run, each with the MIDI file beside it, if there is one."""
    found = []
    for path in sorted((folder / "samples").glob("*.wav"))[:_SOUNDS]:
        content = path.read_bytes() if path.stat().st_size <= _SOUND_BYTES else b""
        problem = "" if content else f"{path.name} is too large to embed in this page"
        sound = "data:audio/wav;base64," + base64.b64encode(content).decode() if content else ""
        midi = path.with_suffix(".mid")
        link = f"samples/{midi.name}" if midi.is_file() else ""
        found.append(Sample(path.stem, [], problem=problem, sound=sound, link=link))
    return found


def sample_files(folder: Path) -> dict[int, list[Path]]:
    """Return the files of samples by round: text, an image, or an image of the text's lines with it."""
    files: dict[int, list[Path]] = {}
    for path in sorted((folder / "samples").glob("*.*")):
        if path.stem.isdigit() and path.suffix in (".txt", ".png"):
            files.setdefault(int(path.stem), []).append(path)
    return files


def figures(folder: Path) -> list[Sample]:
    """Return the final figures."""
    paths = sorted((folder / "figures").glob("*.png"))
    paths = [path for path in paths if path.name not in SHEETS]
    return [sample_of([path], path.stem.replace("_", " ").replace("-", " ")) for path in paths]


@dataclass(frozen=True)
class Slider:
    """Two sheets of the same images that lie over each other, with a slider between them."""

    title: str
    before: str
    """Sheet on the left of the slider, as a data URI."""
    after: str
    """Sheet on the right."""


def sliders(folder: Path) -> list[Slider]:
    """Return the sliders of a translator's run: from sources to outputs, and from outputs to the truth."""
    names = ("source", "output", "truth")
    sheets = [folder / "figures" / name for name in SHEETS]
    if not all(path.is_file() for path in sheets):
        return []
    shown = [sample_of([path], name) for path, name in zip(sheets, names, strict=True)]
    if any(not sheet.picture for sheet in shown):
        return []
    return [
        Slider(f"{one.title} on the left, {two.title} on the right", one.picture, two.picture)
        for one, two in pairwise(shown)
    ]


def round_title(at: int, phases: Sequence[Span]) -> str:
    """Return a round and its phase in words."""
    phase = next((span.name for span in phases if span.start < at <= span.end), "")
    return f"round {at}, {phase}" if phase else f"round {at}"


def sample_of(paths: Sequence[Path], title: str) -> Sample:
    """Return the sample in the files of one round; its image stands before its text."""
    *images, path = sorted(paths)
    try:
        if path.suffix == ".png":
            return _picture(path, title)
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n")[:_CHARACTERS] for line in islice(file, _LINES)]
        picture = _picture(images[0], title).picture if images else ""
        return Sample(title, lines, picture, "" if lines else f"{path.name} is empty")
    except OSError as error:
        return Sample(title, [], problem=f"{path.name} cannot be read: {error.strerror}")


def _picture(path: Path, title: str) -> Sample:
    content = path.read_bytes()
    if len(content) > _PICTURE_BYTES:
        return Sample(title, [], problem=f"{path.name} is too large to embed in this page")
    return Sample(title, [], picture="data:image/png;base64," + base64.b64encode(content).decode())
