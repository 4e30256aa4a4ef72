"""The panel of a model of conversations."""

from __future__ import annotations

from typing import Any

from seqgan_kit.explorer.chat_request import chat_reply
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.seed_box import seed_box, seed_in
from seqgan_kit.explorer.page.told_errors import told
from seqgan_kit.explorer.text_request import TextRequest
from seqgan_kit.explorer.token_markup import note_markup


def chat_panel(run: OpenedRun) -> None:
    """Add the panel; the turns are kept in the visitor's session."""
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=1, min_width=270):
            temperature = gr.Slider(0.1, 2.0, 1.0, step=0.05, label="Temperature")
            beam = gr.Slider(0, 20, 5, step=1, label="Beam (0: sample)")
            seed = seed_box()
            forget = gr.Button("Forget the conversation")
        with gr.Column(scale=3):
            shown = gr.Chatbot(label=run.name, height=420, buttons=["copy_all"])
            line = gr.Textbox(label="Your line", placeholder="type a line, then Enter")
            button = gr.Button("Say", variant="primary")
            notes = gr.HTML()
    turns = gr.State(())

    @told
    def say(line: Any, turns: Any, shown: Any, temperature: Any, beam: Any, seed: Any) -> Any:
        if not str(line or "").strip():
            return "", turns, shown, ""
        request = TextRequest(
            seed=seed_in(seed), temperature=temperature, beam=int(beam), source=line
        )
        with run.model() as model:
            reply = chat_reply(model, turns, line, request)
        said = [{"role": "user", "content": line}, {"role": "assistant", "content": reply.text}]
        return "", reply.turns, [*(shown or []), *said], note_markup(reply.notes)

    how: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
    gr.on([line.submit, button.click], say, [line, turns, shown, temperature, beam, seed],
          [line, turns, shown, notes], **how)  # fmt: skip
    forget.click(lambda: ((), [], ""), None, [turns, shown, notes], **how)
