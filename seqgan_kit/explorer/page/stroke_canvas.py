"""A small canvas to paint strokes of colour on an image; the strokes are sent when the pointer is lifted."""

from __future__ import annotations

from typing import Any

CANVAS_PIXELS = 192
COLOURS = ("#e8792b", "#222222", "#ffffff", "#8a8f98", "#f2c14e", "#4fa3e0", "#5bb450", "#c2334d")

_SWATCHES = "".join(
    f'<button data-colour="{colour}" style="background:{colour}" title="{colour}"></button>'
    for colour in COLOURS
)
_TEMPLATE = f"""
<div class="frame"><img src="${{value}}" alt="image to edit"
  ><canvas width="{CANVAS_PIXELS}" height="{CANVAS_PIXELS}"></canvas></div>
<div class="tools">{_SWATCHES}<input type="color" value="#e8792b" title="another colour"
  ><label>width <input type="range" min="4" max="48" value="16"></label
  ><button data-tool="erase">Erase</button><button data-tool="clear">Clear</button></div>
"""
_STYLE = """
.frame { position: relative; width: 100%; max-width: 420px; aspect-ratio: 1; }
.frame img, .frame canvas { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 6px; }
.frame img { image-rendering: pixelated; }
.frame canvas { touch-action: none; cursor: crosshair; opacity: .85; }
.tools { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; padding: 8px 0; font-size: 13px; }
.tools [data-colour] { width: 24px; height: 24px; min-width: 0; padding: 0; flex: none; border-radius: 50%;
  border: 1px solid #8884; cursor: pointer; }
.tools [data-tool] { border: 1px solid #8888; border-radius: 6px; padding: 2px 10px; cursor: pointer;
  font-size: 13px; font-weight: 400; background: none; }
.tools .chosen { outline: 2px solid #0072b2; outline-offset: 1px; }
.tools input[type=color] { width: 28px; height: 26px; padding: 0; border: 0; background: none; }
.tools label { display: flex; gap: 6px; align-items: center; }
"""
# Listeners are on the component, because a new image replaces what is inside.
_SCRIPT = """
let colour = '#e8792b', erasing = false, last = null;
const canvas = () => element.querySelector('canvas');
const place = (event) => {
  const box = canvas().getBoundingClientRect(), scale = canvas().width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
};
const draw = (from, to) => {
  const pen = canvas().getContext('2d');
  pen.globalCompositeOperation = erasing ? 'destination-out' : 'source-over';
  pen.lineCap = 'round';
  pen.strokeStyle = colour;
  pen.lineWidth = Number(element.querySelector('input[type=range]').value);
  pen.beginPath();
  pen.moveTo(from[0], from[1]);
  pen.lineTo(to[0] + 0.01, to[1]);
  pen.stroke();
};
const send = () => trigger('input', {strokes: canvas().toDataURL('image/png')});
const choose = (button) => {
  element.querySelectorAll('.chosen').forEach((other) => other.classList.remove('chosen'));
  button.classList.add('chosen');
};
element.addEventListener('pointerdown', (event) => {
  if (event.target !== canvas()) return;
  event.preventDefault();
  canvas().setPointerCapture(event.pointerId);
  last = place(event);
  draw(last, last);
});
element.addEventListener('pointermove', (event) => {
  if (!last) return;
  const to = place(event);
  draw(last, to);
  last = to;
});
for (const end of ['pointerup', 'pointercancel']) {
  element.addEventListener(end, () => { if (last) { last = null; send(); } });
}
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.colour) { colour = button.dataset.colour; erasing = false; choose(button); }
  if (button.dataset.tool === 'erase') { erasing = true; choose(button); }
  if (button.dataset.tool === 'clear') {
    canvas().getContext('2d').clearRect(0, 0, canvas().width, canvas().height);
    send();
  }
});
element.addEventListener('input', (event) => {
  if (event.target.type === 'color') { colour = event.target.value; erasing = false; choose(event.target); }
});
"""


def stroke_canvas() -> Any:
    """Return the component. Its value is the image, a data URI; its event ``input`` has the strokes, a PNG of
    equal proportions in a data URI, as ``strokes``."""
    import gradio as gr

    return gr.HTML(
        "data:,",
        html_template=_TEMPLATE,
        css_template=_STYLE,
        js_on_load=_SCRIPT,
        elem_classes="sk-stroke-canvas",
    )
