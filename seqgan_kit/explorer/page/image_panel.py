"""The panel of an image model: samples, paths, sliders, arithmetic, translations and paintings."""

from __future__ import annotations

from typing import Any

from seqgan_kit.explorer import image_request as images
from seqgan_kit.explorer.example_images import example_images
from seqgan_kit.explorer.gallery_markup import gallery
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.label_edit_panel import label_edit_panel
from seqgan_kit.explorer.page.seed_box import seed_box, seed_in
from seqgan_kit.explorer.page.stroke_panel import stroke_panel
from seqgan_kit.explorer.page.told_errors import told
from seqgan_kit.explorer.page.verdict_panels import attack_panel, image_anomaly_panel

_HOW: dict[str, Any] = {"show_progress": "minimal", "api_visibility": "private"}
_EXAMPLES = 24
_VERBS = {
    "edit": ("Edit", "edited, every class"),
    "translate": ("Translate", "translated"),
    "reverse": ("Translate back", "translated back"),
    "rebuild": ("Rebuild", "rebuilt"),
}


def image_panel(run: OpenedRun, page: Any) -> None:
    """Add the panel: a tab for each thing that the model can do."""
    import gradio as gr

    with run.model() as model:
        verbs = images.verbs_of(model)
        menus = images.condition_menus(model) if "sample" in verbs else {}
        latent = images.draws_pixels(model)
    offered = {"paint", "sample", "edit", "detect", "attack", *images.UPLOAD_VERBS} & set(verbs)
    if not offered:
        gr.HTML('<p class="sk-note">The page has nothing to try with a model that can '
                f"{' and '.join(verbs)}: use the command line.</p>")  # fmt: skip
        return
    with gr.Tabs():
        if "paint" in verbs:
            with gr.Tab("Paint"):
                _paint(run, page)
        if "sample" in verbs:
            with gr.Tab("Samples"):
                _samples(run, menus, page)
        if latent:
            with gr.Tab("Sliders"):
                _sliders(run, menus)
            with gr.Tab("Strokes"):
                stroke_panel(run, page)
            with gr.Tab("Walk"):
                _walk(run, menus)
            with gr.Tab("Arithmetic"):
                _arithmetic(run)
        if "edit" in verbs:
            with gr.Tab("Edit"):
                label_edit_panel(run)
        for verb in images.UPLOAD_VERBS:
            if verb in verbs:
                with gr.Tab(_VERBS[verb][0]):
                    _upload(run, verb)
        if "detect" in verbs:
            with gr.Tab("Anomalies"):
                image_anomaly_panel(run)
        if "attack" in verbs:
            with gr.Tab("Attack"):
                attack_panel(run)


def _menus(menus: dict[str, tuple[str, ...]]) -> list[Any]:
    """Add a menu for each label of a class-conditional model."""
    import gradio as gr

    if not menus:
        return []
    with gr.Row():
        return [
            gr.Dropdown(["any", *names], value="any", label=label, min_width=110)
            for label, names in menus.items()
        ]


def _samples(run: OpenedRun, menus: dict[str, tuple[str, ...]], page: Any) -> None:
    import gradio as gr

    with gr.Row():
        with gr.Column(scale=1, min_width=270):
            count = gr.Slider(1, images.MOST_IMAGES, 48, step=1, label="Images")
            seed = seed_box()
            temperature = gr.Slider(
                0.0, 1.5, 1.0, step=0.05, label="Truncation (scale of the noise)"
            )
            chosen = _menus(menus)
            button = gr.Button("Sample", variant="primary")
        with gr.Column(scale=3):
            shown = gr.HTML()

    @told
    def sample(n: Any, seed: Any, temperature: Any, *names: Any) -> str:
        condition = images.condition_of(dict(zip(menus, names, strict=True)))
        with run.model() as model:
            drawn = images.sampled(
                model, int(n), seed=seed_in(seed), temperature=temperature, condition=condition
            )
        return gallery(drawn)

    given = [count, seed, temperature, *chosen]
    events = [button.click, seed.submit, temperature.release, count.release]
    gr.on([*events, *(menu.change for menu in chosen)], sample, given, shown, **_HOW)
    page.load(sample, given, shown, **_HOW)


def _sliders(run: OpenedRun, menus: dict[str, tuple[str, ...]]) -> None:
    import gradio as gr

    gr.HTML('<p class="sk-note">Each slider moves the noise along a direction that changes the images '
            "much, measured on 1,024 samples; the first changes them most.</p>")  # fmt: skip
    with gr.Row():
        with gr.Column(scale=1, min_width=270):
            seed = seed_box()
            moves = [
                gr.Slider(-4.0, 4.0, 0.0, step=0.1, label=f"Direction {place + 1}")
                for place in range(images.AXES)
            ]
            chosen = _menus(menus)
            button = gr.Button("Show", variant="primary")
        with gr.Column(scale=2):
            shown = gr.HTML(elem_classes="sk-whole")

    @told
    def shift(seed: Any, *given: Any) -> str:
        amounts, names = given[: images.AXES], given[images.AXES :]
        condition = images.condition_of(dict(zip(menus, names, strict=True)))
        return gallery(images.shifted(run, seed_in(seed), amounts, condition))

    given = [seed, *moves, *chosen]
    events = [button.click, seed.submit, *(slider.change for slider in moves)]
    gr.on([*events, *(menu.change for menu in chosen)], shift, given, shown,
          trigger_mode="always_last", **_HOW)  # fmt: skip


def _walk(run: OpenedRun, menus: dict[str, tuple[str, ...]]) -> None:
    import gradio as gr

    with gr.Row():
        first, second = seed_box("From seed"), seed_box("To seed", 1)
        steps = gr.Slider(3, 24, 12, step=1, label="Images")
    chosen = _menus(menus)
    button = gr.Button("Walk", variant="primary")
    shown = gr.HTML()

    @told
    def walk(first: Any, second: Any, steps: Any, *names: Any) -> str:
        condition = images.condition_of(dict(zip(menus, names, strict=True)))
        return gallery(images.walk(run, seed_in(first), seed_in(second), int(steps), condition))

    gr.on([button.click, first.submit, second.submit], walk,
          [first, second, steps, *chosen], shown, **_HOW)  # fmt: skip


def _arithmetic(run: OpenedRun) -> None:
    import gradio as gr

    gr.HTML('<p class="sk-note">Moves samples of C by the mean noise of A minus that of B. A model that '
            "was trained without labels needs a recogniser of its data, which is trained at the first "
            "request and can take minutes.</p>")  # fmt: skip
    with gr.Row():
        formula = gr.Textbox(
            "coat=ginger - coat=black + coat=black,accessory=hat", label="A - B + C", scale=3
        )
        rows, seed = gr.Slider(1, 12, 4, step=1, label="Rows"), seed_box()
    button = gr.Button("Compute", variant="primary")
    gr.HTML('<p class="sk-note">Columns: A, B, C, and C + A - B.</p>')
    shown = gr.HTML(elem_classes="sk-whole")

    @told
    def compute(formula: Any, rows: Any, seed: Any) -> str:
        return gallery(images.arithmetic(run, str(formula or ""), int(rows), seed_in(seed)))

    gr.on([button.click, formula.submit], compute, [formula, rows, seed], shown, **_HOW)


def _upload(run: OpenedRun, verb: str) -> None:
    import gradio as gr

    name, done = _VERBS[verb]
    with run.model() as model:
        size, channels = model.input_shape(verb)
    colour = "grey" if channels == 1 else "colour"
    gr.HTML(f'<p class="sk-note">The model reads {colour} images of {size}x{size} pixels: the middle '
            "square of yours is resized to it.</p>")  # fmt: skip
    examples = example_images(run.folder, verb, size, channels)[:_EXAMPLES]
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            file = gr.File(label="Image file (PNG, JPEG, ...; up to 10 MB)", type="filepath")
            button = gr.Button(name, variant="primary")
            place = gr.Slider(1, max(len(examples), 2), 1, step=1, label="Test image of the run",
                              visible=len(examples) > 1)  # fmt: skip
            try_it = gr.Button("Take the test image", visible=len(examples) > 1)
        with gr.Column(scale=2):
            shown = gr.HTML(elem_classes="sk-large")
    if len(examples) > 1:
        numbers = [str(number + 1) for number in range(len(examples))]
        gr.HTML(gallery(examples, numbers), elem_classes="sk-small")

    @told
    def act(path: Any) -> str:
        with run.model() as model:
            source, output = images.made_of(model, verb, path)
        return gallery([source[0], output[0]], ["as the model reads it", done])

    @told
    def act_on_example(place: Any) -> str:
        source = examples[int(place) - 1][None]
        with run.model() as model:
            output = getattr(model, verb)(source)
        return gallery([source[0], output[0]], [f"test image {int(place)}", done])

    gr.on([button.click, file.upload], act, file, shown, **_HOW)
    gr.on([try_it.click, place.release], act_on_example, place, shown, **_HOW)


def _paint(run: OpenedRun, page: Any) -> None:
    import gradio as gr

    with gr.Row():
        caption = gr.Textbox("a black cat sits on the sofa .", label="Sentence", scale=3)
        count, seed = gr.Slider(1, 48, 12, step=1, label="Images"), seed_box()
        noise = gr.Slider(0, 1, 1, step=0.05, label="Noise of the condition (0: follow the words)")
    button = gr.Button("Paint", variant="primary")
    shown = gr.HTML(elem_classes="sk-painted")

    @told
    def paint(caption: Any, n: Any, seed: Any, noise: Any) -> str:
        words = str(caption or "")
        with run.model() as model:
            return gallery(images.painted(model, words, int(n), seed_in(seed), float(noise)))

    given = [caption, count, seed, noise]
    gr.on([button.click, caption.submit, seed.submit, noise.release], paint, given, shown, **_HOW)
