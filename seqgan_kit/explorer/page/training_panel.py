"""The panel of a run's training: curves, alarms and samples, refreshed while the run goes on."""

from __future__ import annotations

from typing import Any

from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.told_errors import told
from seqgan_kit.explorer.training_markup import (
    log_signature,
    sampled_rounds,
    samples_markup,
    training_markup,
)

_SECONDS = 3.0
_HOW: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def training_panel(run: OpenedRun, page: Any) -> None:
    """Add the panel. Each visitor's page remembers the state of the log that it shows, and follows the newest
    samples unless an older round is chosen."""
    import gradio as gr

    rounds = len(sampled_rounds(run.folder))
    seen = gr.State(((0.0, -1), rounds))
    timer = gr.Timer(_SECONDS)
    with gr.Row():
        with gr.Column(scale=3):
            curves = gr.HTML()
        with gr.Column(scale=2):
            place = gr.Slider(1, max(rounds, 2), max(rounds, 1), step=1, label="Samples over time")
            samples = gr.HTML()

    @told
    def refresh(seen: Any, place: Any) -> Any:
        signature, (before, rounds) = log_signature(run.folder), seen
        if signature == tuple(before):
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        now = len(sampled_rounds(run.folder))
        chosen = now if place >= rounds else int(place)
        slider = gr.Slider(value=max(chosen, 1), maximum=max(now, 2))
        shown = samples_markup(run.folder, chosen - 1)
        return (signature, now), training_markup(run.folder), shown, slider

    @told
    def show(place: Any) -> str:
        return samples_markup(run.folder, int(place) - 1)

    outputs = [seen, curves, samples, place]
    timer.tick(refresh, [seen, place], outputs, **_HOW)
    page.load(refresh, [seen, place], outputs, **_HOW)
    place.change(show, place, samples, trigger_mode="always_last", **_HOW)
