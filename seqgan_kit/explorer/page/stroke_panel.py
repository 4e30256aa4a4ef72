"""The panel of edits by strokes: a canvas, and the model's image that follows them."""

from typing import Any

from seqgan_kit.explorer.edit_request import (
    edited_images,
    start_from_seed,
    start_from_upload,
    strokes_in,
)
from seqgan_kit.explorer.gallery_markup import data_uri, gallery
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.seed_box import seed_box, seed_in
from seqgan_kit.explorer.page.stroke_canvas import stroke_canvas
from seqgan_kit.explorer.page.told_errors import told

COLOURS, OUTLINE = "colours", "an outline"
_HOW: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}


def stroke_panel(run: OpenedRun, page: Any) -> None:
    """Add the panel; the edited image and the strokes are kept in the visitor's session."""
    import gradio as gr

    start, strokes = gr.State(None), gr.State("")
    gr.HTML('<p class="sk-note">Paint on the image: the model looks for a similar image with these colours '
            "in these places, or with edges along the strokes.</p>")  # fmt: skip
    with gr.Row():
        with gr.Column(scale=1, min_width=230):
            seed = seed_box()
            kind = gr.Radio([COLOURS, OUTLINE], value=COLOURS, label="Strokes are")
            near = gr.Slider(0.0, 0.2, 0.02, step=0.005, label="Stay near the start")
            new = gr.Button("New image", variant="primary")
            file = gr.File(label="or edit your image", type="filepath", height=130)
        with gr.Column(scale=2, min_width=300):
            canvas = stroke_canvas()
        with gr.Column(scale=2, min_width=300):
            shown = gr.HTML(elem_classes="sk-large")

    @told
    def begin(seed: Any) -> Any:
        chosen = start_from_seed(run, seed_in(seed))
        return chosen, "", data_uri(chosen.shown[0]), gallery(chosen.image, ["the model's image"])

    @told
    def begin_with(path: Any) -> Any:
        chosen = start_from_upload(run, path)
        names = ["nearest image of the model"]
        return chosen, "", data_uri(chosen.shown[0]), gallery(chosen.image, names)

    def answer(start: Any, painted: str, near: Any, kind: Any) -> str:
        given, outline = strokes_in(painted, start.image), kind == OUTLINE
        found = edited_images(run, start, given, float(near), outline=outline)
        return gallery([image for _, image in found], [name for name, _ in found])

    # Gradio reads this annotation, so that this file's annotations are no strings.
    @told
    def follow(start: Any, near: Any, kind: Any, event: gr.EventData) -> Any:
        painted = str(getattr(event, "strokes", ""))
        if start is None:
            return gr.skip(), gr.skip()
        return painted, answer(start, painted, near, kind)

    @told
    def follow_again(start: Any, painted: Any, near: Any, kind: Any) -> Any:
        if start is None or not painted:
            return gr.skip()
        return answer(start, painted, near, kind)

    begun = [start, strokes, canvas, shown]
    gr.on([new.click, seed.submit], begin, seed, begun, **_HOW)
    page.load(begin, seed, begun, **_HOW)
    file.upload(begin_with, file, begun, **_HOW)
    given = [start, near, kind]
    canvas.input(follow, given, [strokes, shown], trigger_mode="always_last", **_HOW)
    gr.on([near.release, kind.change], follow_again, [start, strokes, near, kind], shown, **_HOW)
