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
    """Add the panel. Each visitor's page remembers the state of the log that it shows."""
    import gradio as gr

    seen = gr.State((0.0, -1))
    timer = gr.Timer(_SECONDS)
    with gr.Row():
        with gr.Column(scale=3):
            curves = gr.HTML()
        with gr.Column(scale=2):
            last = len(sampled_rounds(run.folder)) - 1
            place = gr.Slider(0, max(last, 1), max(last, 0), step=1, label="Samples over time")
            samples = gr.HTML()

    @told
    def refresh(seen: Any, place: Any) -> Any:
        signature = log_signature(run.folder)
        if signature == tuple(seen):
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        rounds = len(sampled_rounds(run.folder))
        slider = gr.Slider(maximum=max(rounds - 1, 1))
        shown = samples_markup(run.folder, int(place))
        return signature, training_markup(run.folder), shown, slider

    @told
    def show(place: Any) -> str:
        return samples_markup(run.folder, int(place))

    outputs = [seen, curves, samples, place]
    timer.tick(refresh, [seen, place], outputs, **_HOW)
    page.load(refresh, [seen, place], outputs, **_HOW)
    place.change(show, place, samples, trigger_mode="always_last", **_HOW)
