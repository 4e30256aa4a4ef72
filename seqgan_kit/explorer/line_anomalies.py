"""Lines that a visitor pastes, scored by how anomalous the run finds them, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import SeqganKitError, UsageError
from seqgan_kit.evaluation.detection.line_detector import LineAnomaly, LineDetector, line_detector
from seqgan_kit.evaluation.text_export import TextModel
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.token_markup import likelihood_colour, note_markup

MOST_PASTED = 500
"""Lines that are scored at once."""
_LONGEST = 4000
_RARE = 0.05


def scores_lines(model: TextModel, discriminator: Discriminator | None) -> bool:
    """Return whether a model, or the discriminator saved with it, can score lines of text."""
    if getattr(model.generator, "given", 0):
        return False
    try:
        return bool(LineDetector(model, discriminator).ranking)
    except SeqganKitError:
        return False


def anomalies_markup(run: OpenedRun, pasted: str) -> str:
    """Return the pasted lines, the most anomalous first, as HTML.

    The first request also reads the run's text, for p-values and the baseline.
    """
    lines = [(number, line[:_LONGEST]) for number, line in enumerate(pasted.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line.strip()]
    if not lines:
        raise UsageError("no lines were given: paste one or more.")
    if len(lines) > MOST_PASTED:
        raise UsageError(
            f"{len(lines):,} lines are too many for the page: paste up to {MOST_PASTED}, or use "
            "'seqgan-kit detect RUN FILE'."
        )
    with run.players() as (_, discriminator):
        detector: LineDetector = run.derived(
            "detector",
            lambda model: line_detector(run.folder, model, discriminator=discriminator),
        )
        found = sorted(detector(lines), key=lambda line: -line.scores[detector.ranking])
    return scored_markup(found, detector.ranking, detector.notes)


def scored_markup(found: Sequence[LineAnomaly], ranking: str, notes: Sequence[str]) -> str:
    """Return scored lines as HTML: tokens coloured by surprise, scores by their p-values."""
    name = ranking.replace("_", " ")
    told = [
        f"Ranked by {name}; p is the share of held-out lines of the run at least as anomalous. Tokens: the "
        "darker, the more surprising."
    ]
    items = "".join(
        f'<li value="{line.line}"><div class="sk-line">{_tokens(line)}</div>{_score(line, ranking)}</li>'
        for line in found
    )
    return f'{note_markup([*told, *notes])}<ol class="sk-lines">{items}</ol>'


def _tokens(line: LineAnomaly) -> str:
    """Return the tokens that were read, each with its surprise on hover; the text if they have none."""
    if not line.surprises:
        return escape(line.text)
    spans = [
        f'<span class="sk-token" title="surprise {surprise:.1f} nats" '
        f'style="background:{likelihood_colour(-surprise)}">{escape(token)}</span>'
        for token, surprise in zip(line.tokens, line.surprises, strict=False)
    ]
    return " ".join([*spans, "…"] if line.cut else spans)


def _score(line: LineAnomaly, ranking: str) -> str:
    words = f"{ranking.replace('_', ' ')} {line.scores[ranking]:.2f}"
    if line.p_value is None:
        return f'<div class="sk-score">{words}</div>'
    rare = " sk-rare" if line.p_value < _RARE else ""
    return f'<div class="sk-score{rare}">{words} · p = {line.p_value:.3f}</div>'
