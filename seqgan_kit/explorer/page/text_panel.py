"""The panel of a text model: lines on request, with what the model and D think of every token."""

from __future__ import annotations

from typing import Any

from seqgan_kit.evaluation.latent.sentence_paths import interpolated_lines
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.seed_box import seed_box, seed_in
from seqgan_kit.explorer.page.told_errors import told
from seqgan_kit.explorer.text_request import MOST_CHARACTERS, MOST_LINES, TextRequest
from seqgan_kit.explorer.text_view import text_markup
from seqgan_kit.explorer.token_markup import LIKELIHOOD, VALUE, plain_markup
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

ROLLOUTS = 16


def request_of(
    source: Any,
    prompt: Any,
    lines: Any,
    seed: Any,
    temperature: Any,
    top_k: Any,
    top_p: Any,
    beam: Any,
) -> TextRequest:
    """Return the request of the values that the components hold."""
    return TextRequest(
        lines=int(lines),
        seed=seed_in(seed),
        source=str(source or ""),
        prompt=str(prompt or ""),
        temperature=float(temperature),
        top_k=int(top_k or 0),
        top_p=float(top_p),
        beam=int(beam or 0),
    )


def text_controls(run: OpenedRun) -> list[Any]:
    """Add the components of a request, in the order of ``request_of``, then colour and rollouts."""
    import gradio as gr

    with run.players() as (model, discriminator):
        tokenizer = getattr(model, "given_vocabulary", None)
        given = int(getattr(model.generator, "given", 0) or 0)
        classes = getattr(tokenizer.tokenizer, "classes", ()) if tokenizer and given else ()
        ordered = isinstance(model.generator, SequenceGenerator)
    if classes:
        source = gr.Dropdown(list(classes), value=classes[0], label="Class")
    else:
        source = gr.Textbox(
            label="Source", placeholder="a line that the model answers", visible=given > 0
        )
    prompt = gr.Textbox(
        label="Prompt", placeholder="beginning of every line; may be empty", visible=ordered
    )
    with gr.Row():
        lines = gr.Slider(1, MOST_LINES, 8, step=1, label="Lines", min_width=120)
        seed = seed_box()
    temperature = gr.Slider(0.1, 2.0, 1.0, step=0.05, label="Temperature")
    colours = [LIKELIHOOD, VALUE] if discriminator is not None else [LIKELIHOOD]
    colour = gr.Radio(colours, value=colours[-1], label="Colour of the tokens",
                      visible=len(colours) > 1)  # fmt: skip
    with gr.Accordion("More settings", open=False):
        top_k = gr.Slider(0, 100, 0, step=1, label="Top-k (0: all tokens)")
        top_p = gr.Slider(0.05, 1.0, 1.0, step=0.05, label="Top-p (1: all tokens)")
        beam = gr.Slider(0, MOST_LINES, 0, step=1, label="Beam (0: sample)", visible=ordered)
        rollouts = gr.Slider(
            1, 64, ROLLOUTS, step=1, label="Rollouts per token", visible=discriminator is not None
        )
    return [source, prompt, lines, seed, temperature, top_k, top_p, beam, colour, rollouts]


def text_panel(run: OpenedRun, page: Any) -> None:
    """Add the panel; the page samples when it is loaded if no source is needed."""
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=1, min_width=270):
            controls = text_controls(run)
            button = gr.Button("Write", variant="primary")
        with gr.Column(scale=3):
            lines = gr.HTML()

    @told
    def write(*given: Any) -> str:
        *asked, colour, rollouts = given
        return text_markup(run, request_of(*asked), colour, int(rollouts))

    how: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
    gr.on([button.click, controls[0].change if isinstance(controls[0], gr.Dropdown) else controls[0].submit,
           controls[1].submit, controls[8].change], write, controls, lines, **how)  # fmt: skip
    needs_source = isinstance(controls[0], gr.Textbox) and controls[0].visible
    if not needs_source:
        page.load(write, controls, lines, **how)


def path_panel(run: OpenedRun) -> None:
    """Add the panel of the sentences between two, of a model with codes of sentences."""
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=1, min_width=270):
            first = gr.Textbox(label="From sentence", placeholder="a sentence of known words")
            second = gr.Textbox(label="To sentence", placeholder="another one")
            steps = gr.Slider(2, MOST_LINES, 9, step=1, label="Sentences")
            beam = gr.Slider(1, 10, 1, step=1, label="Beam (1: greedy)")
            button = gr.Button("Interpolate", variant="primary")
        with gr.Column(scale=3):
            shown = gr.HTML()

    @told
    def interpolate(first: Any, second: Any, steps: Any, beam: Any) -> str:
        start, end = (str(line or "")[:MOST_CHARACTERS] for line in (first, second))
        with run.model() as model:
            return plain_markup(interpolated_lines(model, start, end, int(steps), int(beam)))

    gr.on([button.click, first.submit, second.submit], interpolate, [first, second, steps, beam],
          shown, show_progress="minimal", api_visibility="private")  # fmt: skip
