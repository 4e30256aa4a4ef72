"""A full disk on the page: one sentence for a request, and one for an upload."""

import asyncio
import errno
import os
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from seqgan_kit.explorer.page.explorer_page import POLICY, _OwnServerOnly
from seqgan_kit.explorer.page.told_errors import told

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def answers(error: OSError) -> list[dict]:
    """What a visitor is sent if the server ends a request by an error."""

    async def server(scope, receive, send):
        raise error

    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(_OwnServerOnly(server)({"type": "http", "headers": []}, None, send))
    return sent


@pytest.mark.skipif(find_spec("starlette") is None, reason="needs starlette")
def test_an_upload_to_a_full_disk_is_answered_by_a_sentence(monkeypatch, capsys):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "/somewhere")
    start, body = answers(FULL)
    assert start["status"] == 507
    assert (b"content-security-policy", POLICY.encode()) in start["headers"]
    sentence = "the upload to /somewhere cannot be written: No space left on device."
    assert body["body"].decode().startswith(sentence)
    assert sentence in capsys.readouterr().err


def test_other_errors_of_the_server_are_not_hidden():
    with pytest.raises(ConnectionResetError):
        answers(ConnectionResetError(errno.ECONNRESET, "reset"))


class Shown(Exception):
    """Stands for gradio.Error, whose package takes seconds to import."""

    def __init__(self, problem, **how):
        super().__init__(problem)


def test_a_request_on_a_full_disk_is_no_bug(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", SimpleNamespace(Error=Shown))

    def answer():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/tmp/points.png")

    with pytest.raises(Shown, match=r"/tmp/points\.png cannot be written: No space left"):
        told(answer)()
    assert "Traceback" not in capsys.readouterr().err
