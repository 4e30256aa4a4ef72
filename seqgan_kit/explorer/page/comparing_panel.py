"""Two runs side by side, on the same request and seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqgan_kit.explorer import image_request as images
from seqgan_kit.explorer.gallery_markup import gallery
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.seed_box import seed_box, seed_in
from seqgan_kit.explorer.page.told_errors import told
from seqgan_kit.explorer.text_request import MOST_LINES, TextRequest
from seqgan_kit.explorer.text_view import text_markup
from seqgan_kit.explorer.token_markup import LIKELIHOOD, VALUE

_HOW: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
_ROLLOUTS = 16


def comparing_panel(runs: Sequence[OpenedRun]) -> None:
    """Add a tab for each kind of model that two runs have."""
    import gradio as gr

    texts = [run for run in runs if run.kind == "text"]
    samplers = [run for run in runs if run.kind == "image" and _samples(run)]
    with gr.Tabs():
        if len(texts) > 1:
            with gr.Tab("Text"):
                _texts(texts)
        if len(samplers) > 1:
            with gr.Tab("Images"):
                _images(samplers)


def comparable(runs: Sequence[OpenedRun]) -> bool:
    """Return whether two runs write text, or two draw images."""
    texts = sum(run.kind == "text" for run in runs)
    return texts > 1 or sum(run.kind == "image" and _samples(run) for run in runs) > 1


def _samples(run: OpenedRun) -> bool:
    with run.model() as model:
        return "sample" in images.verbs_of(model)


def _two(runs: Sequence[OpenedRun]) -> tuple[list[Any], list[Any]]:
    """Add two menus of runs, each above its result; return menus and results."""
    import gradio as gr

    names = [run.name for run in runs]
    menus, results = [], []
    with gr.Row():
        for name in names[:2]:
            with gr.Column():
                menus.append(gr.Dropdown(names, value=name, label="Run"))
                results.append(gr.HTML())
    return menus, results


def _texts(runs: Sequence[OpenedRun]) -> None:
    import gradio as gr

    named = {run.name: run for run in runs}
    with gr.Row():
        source = gr.Textbox(label="Source", placeholder="read by runs with sources")
        prompt = gr.Textbox(label="Prompt", placeholder="beginning of every line; may be empty")
    with gr.Row():
        lines = gr.Slider(1, MOST_LINES, 8, step=1, label="Lines")
        seed = seed_box()
        temperature = gr.Slider(0.1, 2.0, 1.0, step=0.05, label="Temperature")
        colour = gr.Radio([LIKELIHOOD, VALUE], value=LIKELIHOOD, label="Colour of the tokens")
    button = gr.Button("Write", variant="primary")
    menus, results = _two(runs)

    @told
    def write(*given: Any) -> list[str]:
        source, prompt, lines, seed, temperature, colour, *chosen = given
        request = TextRequest(
            lines=int(lines),
            seed=seed_in(seed),
            source=source or "",
            prompt=prompt or "",
            temperature=temperature,
        )
        return [text_markup(named[name], request, colour, _ROLLOUTS) for name in chosen]

    events = [button.click, source.submit, prompt.submit, colour.change]
    gr.on([*events, *(menu.change for menu in menus)], write,
          [source, prompt, lines, seed, temperature, colour, *menus], results, **_HOW)  # fmt: skip


def _images(runs: Sequence[OpenedRun]) -> None:
    import gradio as gr

    named = {run.name: run for run in runs}
    with gr.Row():
        count = gr.Slider(1, images.MOST_IMAGES, 48, step=1, label="Images")
        seed = seed_box()
        temperature = gr.Slider(0.0, 1.5, 1.0, step=0.05, label="Truncation (scale of the noise)")
    button = gr.Button("Sample", variant="primary")
    menus, results = _two(runs)

    @told
    def sample(count: Any, seed: Any, temperature: Any, *chosen: Any) -> list[str]:
        pages = []
        for name in chosen:
            with named[name].model() as model:
                drawn = images.sampled(
                    model, int(count), seed=seed_in(seed), temperature=temperature
                )
            pages.append(gallery(drawn))
        return pages

    gr.on([button.click, seed.submit, *(menu.change for menu in menus)], sample,
          [count, seed, temperature, *menus], results, **_HOW)  # fmt: skip
