"""The panel of edits of one label, such as the age of a face: an uploaded image at every class."""

from __future__ import annotations

from html import escape
from typing import Any

from seqgan_kit.explorer.gallery_markup import gallery
from seqgan_kit.explorer.image_request import label_edits
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.told_errors import told

_HOW: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}


def label_edit_panel(run: OpenedRun) -> None:
    """Add the panel."""
    import gradio as gr

    with run.model() as model:
        label = model.editor.conditions.names[0]
    gr.HTML('<p class="sk-note">The model looks for the image that it draws most like yours, and changes '
            f"its {escape(label)} alone. This takes a few seconds.</p>")  # fmt: skip
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            file = gr.File(label="Image file (PNG, JPEG, ...; up to 10 MB)", type="filepath")
            carry = gr.Checkbox(
                label="Add the change to my image (keeps what the model cannot draw)"
            )
            button = gr.Button("Edit", variant="primary")
        with gr.Column(scale=2):
            shown = gr.HTML(elem_classes="sk-painted")

    @told
    def edit(path: Any, carry: Any) -> str:
        with run.model() as model:
            found = label_edits(model, path, bool(carry))
        return gallery([image for _, image in found], [name for name, _ in found])

    gr.on([button.click, file.upload], edit, [file, carry], shown, **_HOW)
