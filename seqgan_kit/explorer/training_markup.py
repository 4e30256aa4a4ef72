"""The training of a run as HTML: state, alarms, curves, and the samples of a round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from seqgan_kit.core.runs.log import read_config, read_metrics, read_scores
from seqgan_kit.report.charts.curves import sections, spans
from seqgan_kit.report.run_page import facts_of, page_title, status_of
from seqgan_kit.report.samples import round_title, sample_files, sample_of

_SHOWN_ALARMS = 5


def log_signature(folder: Path) -> tuple[float, int]:
    """Return time and size of a run's log, which change when a round has been logged."""
    try:
        about = (folder / "metrics.jsonl").stat()
    except OSError:
        return (0.0, 0)
    return (about.st_mtime, about.st_size)


def training_markup(folder: Path) -> str:
    """Return the state of a run, its last alarms and all curves."""
    config, rows, scores = read_config(folder), read_metrics(folder), read_scores(folder)
    parts = [_head(config, rows), _alarms([row for row in rows if row["kind"] == "alarm"])]
    for section in sections(rows, scores):
        figures = "".join(
            f"<figure><figcaption>{escape(figure.title)}</figcaption>{figure.svg}</figure>"
            for figure in section.figures
        )
        opened = "" if section.minor else " open"
        parts.append(
            f'<details class="sk-section"{opened}><summary>{escape(section.title)}</summary>'
            f'<div class="sk-charts">{figures}</div></details>'
        )
    return "".join(parts)


def sampled_rounds(folder: Path) -> list[int]:
    """Return the rounds after which samples were drawn."""
    return sorted(sample_files(folder))


def samples_markup(folder: Path, place: int) -> str:
    """Return the samples of one round; ``place`` counts the rounds with samples, the last one if beyond."""
    files = sample_files(folder)
    if not files:
        return '<p class="sk-note">No samples have been drawn yet.</p>'
    rounds = sorted(files)
    chosen = rounds[max(0, min(place, len(rounds) - 1))]
    title = round_title(chosen, spans(read_metrics(folder)))
    sample = sample_of(files[chosen], title)
    parts = [f'<p class="sk-round">{escape(sample.title)}</p>']
    if sample.picture:
        parts.append(f'<img class="sk-sheet" src="{sample.picture}" alt="{escape(title)}">')
    if sample.problem:
        parts.append(f'<p class="sk-note">{escape(sample.problem)}.</p>')
    if sample.lines:
        items = "".join(f"<li>{escape(line)}</li>" for line in sample.lines)
        parts.append(f'<ol class="sk-lines sk-plain">{items}</ol>')
    return "".join(parts)


def _head(config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    state = status_of(rows)
    facts = "".join(
        f"<div><dd>{escape(value)}</dd><dt>{escape(name)}</dt></div>"
        for name, value in facts_of(config, rows)
    )
    text = f'<span class="sk-note">{escape(state["text"])}</span>' if state["text"] else ""
    return (
        f'<div class="sk-head"><b>{escape(page_title(config))}</b>'
        f'<span class="sk-pill sk-{state["kind"]}">{escape(state["word"])}</span>{text}</div>'
        f'<dl class="sk-facts">{facts}</dl>'
    )


def _alarms(alarms: Sequence[Mapping[str, Any]]) -> str:
    """Return the last alarms of a run."""
    if not alarms:
        return ""
    items = "".join(
        f"<li>round {row['total_round']}: {escape(str(row.get('message', '')))}</li>"
        for row in alarms[-_SHOWN_ALARMS:]
    )
    more = f" (the last {_SHOWN_ALARMS})" if len(alarms) > _SHOWN_ALARMS else ""
    count = f"{len(alarms)} alarm{'s' * (len(alarms) != 1)}{more}"
    return f'<div class="sk-alarms"><b>{count}</b><ul>{items}</ul></div>'
