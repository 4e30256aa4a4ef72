"""Panels of anomalies in pasted lines or an uploaded image, and of attacks on an uploaded image."""

from __future__ import annotations

from typing import Any

from seqgan_kit.explorer.line_anomalies import MOST_PASTED, anomalies_markup
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.seed_box import seed_box, seed_in
from seqgan_kit.explorer.page.told_errors import told
from seqgan_kit.explorer.upload_verdicts import LARGEST, anomaly_markup, attack_markup

_HOW: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
_EPSILON = {"linf": 8.0, "l2": 128.0}
_UPLOAD = "Image file (PNG, JPEG, ...; up to 10 MB)"


def line_anomaly_panel(run: OpenedRun) -> None:
    """Add the panel: pasted lines, the most anomalous first."""
    import gradio as gr

    gr.HTML('<p class="sk-note">The first request also scores held-out lines of the run, which can take a '
            "minute.</p>")  # fmt: skip
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            lines = gr.Textbox(
                label=f"Lines (up to {MOST_PASTED})",
                lines=12,
                max_lines=24,
                placeholder="paste lines of the kind that the run was trained on",
            )
            button = gr.Button("Score", variant="primary")
        with gr.Column(scale=2):
            shown = gr.HTML()

    @told
    def score(pasted: Any) -> str:
        return anomalies_markup(run, str(pasted or ""))

    button.click(score, lines, shown, **_HOW)


def image_anomaly_panel(run: OpenedRun) -> None:
    """Add the panel: an uploaded image, its reconstruction and its score."""
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            file = gr.File(label=_UPLOAD, type="filepath")
            button = gr.Button("Score", variant="primary")
        with gr.Column(scale=2):
            shown = gr.HTML(elem_classes="sk-large")

    @told
    def score(path: Any) -> str:
        return anomaly_markup(run, path)

    gr.on([button.click, file.upload], score, file, shown, **_HOW)


def attack_panel(run: OpenedRun) -> None:
    """Add the panel: an uploaded image, the size of the attack, and the class before and after it."""
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            file = gr.File(label=_UPLOAD, type="filepath")
            norm = gr.Radio(
                [("each pixel value (linf)", "linf"), ("the length of all (l2)", "l2")],
                value="linf",
                label="What is limited",
            )
            epsilon = gr.Slider(0, LARGEST["linf"], _EPSILON["linf"], step=0.5,
                                label="Epsilon (grey levels of 255)")  # fmt: skip
            steps = gr.Slider(1, 50, 20, step=1, label="Gradient steps")
            seed = seed_box()
            button = gr.Button("Attack", variant="primary")
        with gr.Column(scale=2):
            shown = gr.HTML(elem_classes="sk-large")

    @told
    def act(path: Any, norm: Any, epsilon: Any, steps: Any, seed: Any) -> str:
        return attack_markup(
            run, path, norm=norm, epsilon=float(epsilon), steps=int(steps), seed=seed_in(seed)
        )

    @told
    def act_again(path: Any, *given: Any) -> Any:
        return act(path, *given) if path else gr.skip()

    def choose(norm: str) -> Any:
        return gr.Slider(maximum=LARGEST[norm], value=_EPSILON[norm])

    given = [file, norm, epsilon, steps, seed]
    gr.on([button.click, file.upload], act, given, shown, **_HOW)
    gr.on(
        [epsilon.change, steps.release], act_again, given, shown, trigger_mode="always_last", **_HOW
    )
    norm.change(choose, norm, epsilon, **_HOW)
