"""The page of opened runs, and the local server that shows it."""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from seqgan_kit.errors import UsageError, system_problem
from seqgan_kit.explorer.chat_request import talks
from seqgan_kit.explorer.line_anomalies import scores_lines
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.page.chat_panel import chat_panel
from seqgan_kit.explorer.page.comparing_panel import comparable, comparing_panel
from seqgan_kit.explorer.page.image_panel import image_panel
from seqgan_kit.explorer.page.page_look import STYLE, theme
from seqgan_kit.explorer.page.text_panel import path_panel, text_panel
from seqgan_kit.explorer.page.training_panel import training_panel
from seqgan_kit.explorer.page.verdict_panels import line_anomaly_panel
from seqgan_kit.explorer.page.waiting_panel import waiting_panel
from seqgan_kit.explorer.uploaded_image import MOST_BYTES
from seqgan_kit.sequences.generators.latent_lstm import LatentLSTM

HOST = "127.0.0.1"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
)
"""Content security policy: the browser loads nothing from other servers, whatever the page says."""


def check_installed() -> None:
    """Raise UsageError if Gradio is missing."""
    if importlib.util.find_spec("gradio") is None:
        raise UsageError(
            "the explorer needs gradio, which is not installed: install the extra with "
            "pip install 'seqgan-kit[explore]'."
        )


def build_page(runs: Sequence[OpenedRun]) -> Any:
    """Return the page, a ``gradio.Blocks`` with a tab for each run."""
    os.environ.update(private_environment())  # Gradio reads it when it is imported.
    import gradio as gr

    with gr.Blocks(
        title="seqgan-kit explorer", analytics_enabled=False, delete_cache=(600, 600)
    ) as page:
        gr.HTML('<div class="sk-title">seqgan-kit explorer</div>')
        with gr.Tabs():
            for run in runs:
                with gr.Tab(run.name):
                    _run_tab(run, page)
            if comparable(runs):
                with gr.Tab("Side by side"):
                    comparing_panel(runs)
    page.queue(default_concurrency_limit=2, max_size=64)
    return page


def _run_tab(run: OpenedRun, page: Any) -> None:
    import gradio as gr

    if not run.kind:
        waiting_panel(run, page, _run_tabs)
        return
    with gr.Tabs():
        _run_tabs(run, page)


def _run_tabs(run: OpenedRun, page: Any) -> None:
    """Add a tab for each thing that can be done with a run."""
    import gradio as gr

    if run.kind == "text":
        with gr.Tab("Text"):
            text_panel(run, page)
        with run.players() as (model, discriminator):
            chats, has_codes = talks(model), isinstance(model.generator, LatentLSTM)
            detects = scores_lines(model, discriminator)
        if has_codes:
            with gr.Tab("Path"):
                path_panel(run)
        if chats:
            with gr.Tab("Chat"):
                chat_panel(run)
        if detects:
            with gr.Tab("Anomalies"):
                line_anomaly_panel(run)
    elif run.kind == "image":
        with gr.Tab("Images"):
            image_panel(run, page)
    if run.has_log:
        with gr.Tab("Training"):
            training_panel(run, page)


def serve(
    runs: Sequence[OpenedRun], *, port: int | None = None, browser: bool = True, share: bool = False
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        runs: the runs to show.
        port: port on 127.0.0.1; None: the first free one from 7860 on.
        browser: open the page in the browser.
        share: also make a public link through Gradio's server.
    """
    page = build_page(runs)
    try:
        _, address, public = page.launch(
            server_name=HOST, server_port=port, inbrowser=browser, share=share, **_launching()
        )
    except OSError:
        ports = f"port {port} is" if port else "the ports 7860 to 7959 are"
        raise UsageError(
            f"the page cannot be served: {ports} in use or not allowed. Give another --port."
        ) from None
    print(f"explorer: {address}", flush=True)
    if share:
        print(f"public link: {public}" if public else "no public link could be made", flush=True)
    print("Ctrl-C ends it.", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        page.close(verbose=False)


def _launching() -> dict[str, Any]:
    """Return the fixed settings of the server."""
    from starlette.middleware import Middleware

    return {
        "prevent_thread_lock": True,
        "quiet": True,
        "show_error": True,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": [],
        "max_file_size": MOST_BYTES,
        "theme": theme(),
        "css": STYLE,
        "app_kwargs": {"middleware": [Middleware(_OwnServerOnly)]},
    }


class _OwnServerOnly:
    """ASGI middleware that adds the content security policy to every answer, and answers an upload to a full
    disk with a sentence."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        begun = False

        async def send_with_policy(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_with_policy)
        except OSError as error:
            if begun or error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            from starlette.responses import PlainTextResponse

            error.filename = error.filename or f"the upload to {_upload_folder()}"
            problem = system_problem(error)
            print(f"seqgan-kit explore: {problem}", file=sys.stderr, flush=True)
            await PlainTextResponse(problem, 507)(scope, receive, send_with_policy)


def _upload_folder() -> str:
    return os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()


def private_environment() -> dict[str, str]:
    """Return the environment variables that turn off telemetry and keep proxies off this machine."""
    found = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_DISABLE_TELEMETRY": "1"}
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        found[name] = ",".join(dict.fromkeys([*hosts, HOST, "localhost"]))
    return found
