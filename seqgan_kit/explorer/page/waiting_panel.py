"""The panel of a run that was opened before its first checkpoint: the rest appears when there is a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seqgan_kit.explorer.opened_run import OpenedRun

_SECONDS, _AT_ONCE = 3.0, 0.1
_HOW: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}


def waiting_panel(run: OpenedRun, page: Any, add_tabs: Callable[[OpenedRun, Any], None]) -> None:
    """Add the tabs of a run, and add them anew on the page of each visitor when the run has a model.

    Args:
        run: a run without a model.
        page: the page.
        add_tabs: adds the tabs of a run to the page.
    """
    import gradio as gr

    awake, timer = gr.State(False), gr.Timer(_SECONDS)

    def look() -> Any:
        found = run.wake()
        return found, gr.Timer(active=not found)

    timer.tick(look, None, [awake, timer], **_HOW)
    page.load(look, None, [awake, timer], **_HOW)

    @gr.render(inputs=[awake], triggers=[page.load, awake.change])
    def show(awake: bool) -> None:
        if not awake:
            gr.HTML('<p class="sk-note">This run has no model yet: it can be tried here after its first '
                    "checkpoint.</p>")  # fmt: skip
        with gr.Tabs():
            add_tabs(run, _LaterPage())


class _LaterPage:
    """Stands for the page where components are added to a page that is open: loads them at once."""

    def load(self, answer: Callable[..., Any], inputs: Any, outputs: Any, **how: Any) -> None:
        """Call a function once the components are there."""
        import gradio as gr

        timer = gr.Timer(_AT_ONCE)
        stopped = timer.tick(lambda: gr.Timer(active=False), None, timer, **_HOW)
        stopped.then(answer, inputs, outputs, **how)
