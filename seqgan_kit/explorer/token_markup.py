"""Lines of tokens as HTML: coloured by likelihood or by D's action value, with alternatives on hover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from seqgan_kit.explorer.token_readings import LineReading, TokenReading

LIKELIHOOD, VALUE = "likelihood", "action value of D"
_SURPRISE = 7.0
"""Nats at which the colour of unlikely tokens is strongest: a probability of 0.1 %."""
_ORANGE, _BLUE = "213,94,0", "0,114,178"
_STRONGEST = 0.75


def lines_markup(readings: Sequence[LineReading], colour: str, notes: Sequence[str] = ()) -> str:
    """Return lines with coloured tokens, a legend above them and their scores beside them."""
    values = [t.value for line in readings for t in line.tokens if t.value is not None]
    by_value = colour == VALUE and bool(values)
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    parts = [note_markup(notes), _legend(by_value, low, high)]
    if colour == VALUE and not values:
        parts.append(note_markup(["This model was saved without a discriminator."]))
    parts.append('<ol class="sk-lines">')
    for line in readings:
        spans = "".join(
            _token(token, _background(token, by_value, low, high)) for token in line.tokens
        )
        parts.append(f'<li><div class="sk-line">{spans}</div>{_summary(line)}</li>')
    return "".join([*parts, "</ol>"])


def plain_markup(lines: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Return lines of a model that has no probabilities of tokens."""
    items = "".join(f'<li><div class="sk-line">{escape(line)}</div></li>' for line in lines)
    return f'{note_markup(notes)}<ol class="sk-lines">{items}</ol>'


def note_markup(notes: Sequence[str]) -> str:
    """Return notes as paragraphs."""
    return "".join(f'<p class="sk-note">{escape(note)}</p>' for note in notes)


def likelihood_colour(log_prob: float) -> str:
    """Return the CSS colour of a log-probability: none if certain, orange if unlikely."""
    share = min(1.0, max(0.0, -log_prob / _SURPRISE))
    return f"rgba({_ORANGE},{_STRONGEST * share:.2f})"


def value_colour(value: float, low: float, high: float) -> str:
    """Return the CSS colour of an action value between the lowest (orange) and the highest (blue) shown."""
    place = 0.5 if high - low < 1e-6 else (value - low) / (high - low)
    colour = _BLUE if place >= 0.5 else _ORANGE
    return f"rgba({colour},{_STRONGEST * abs(2 * place - 1):.2f})"


def _background(token: TokenReading, by_value: bool, low: float, high: float) -> str:
    if by_value and token.value is not None:
        return value_colour(token.value, low, high)
    return likelihood_colour(token.log_prob)


def _token(token: TokenReading, background: str) -> str:
    """Return a token with its card, which shows on hover and on keyboard focus."""
    text = escape(token.text.lstrip(" ")) or '<span class="sk-end">⏎</span>'
    space = " " if token.text.startswith(" ") else ""
    return (
        f'{space}<span class="sk-token" tabindex="0" style="background:{background}">{text}'
        f"{_card(token)}</span>"
    )


def _card(token: TokenReading) -> str:
    """Return the probabilities of a token and of its alternatives."""
    head = f"p = {_chance(math.exp(token.log_prob))}, rank {token.rank + 1}"
    if token.value is not None:
        head += f", Q = {token.value:.3f}"
    rows = "".join(
        f'<span class="sk-alternative"><span>{escape(text)}</span><span class="sk-bar">'
        f'<i style="width:{100 * chance:.1f}%"></i></span><span>{_chance(chance)}</span></span>'
        for text, chance in token.alternatives
    )
    return f'<span class="sk-card"><b>{head}</b>{rows}</span>'


def _summary(line: LineReading) -> str:
    words = [f"log p {line.log_prob:.1f}"]
    if line.value is not None:
        words.append(f"D {line.value:.3f}")
    return f'<div class="sk-score">{" · ".join(words)}</div>'


def _chance(p: float) -> str:
    return f"{p:.1%}" if p >= 0.001 else f"{p:.0e}"


def _legend(by_value: bool, low: float, high: float) -> str:
    if by_value:
        digits = 2 if high - low > 0.1 else 3
        ends = (
            f"Q = {low:.{digits}f}",
            value_colour(0, 0, 1),
            value_colour(1, 0, 1),
            f"{high:.{digits}f}",
        )
        what = "action value of D: mean of sigmoid(D) over completions of the prefix"
    else:
        ends = ("p = 1", likelihood_colour(0), likelihood_colour(-_SURPRISE), "0.1 % or less")
        what = "probability that the model gave to the token"
    middle = "transparent," if by_value else ""
    return (
        f'<div class="sk-legend"><span>{ends[0]}</span><i style="background:linear-gradient(90deg,'
        f'{ends[1]},{middle}{ends[2]})"></i><span>{ends[3]}</span><span>{what}</span></div>'
    )
