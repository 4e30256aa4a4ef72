"""``seqgan-kit explore``: what it refuses, and the settings that keep the page on this machine."""

import importlib.util

import pytest
from explorer_runs import save_text

from seqgan_kit.cli.main import main
from seqgan_kit.errors import UsageError
from seqgan_kit.explorer.page import explorer_page
from seqgan_kit.explorer.page.seed_box import seed_in
from seqgan_kit.explorer.page.told_errors import told


def test_without_gradio_the_extra_is_named(tmp_path, monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "gradio" else find(name)
    )
    assert main(["explore", str(save_text(tmp_path / "run"))]) == 2
    assert "pip install 'seqgan-kit[explore]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["no/such/run"], "no such run directory: no/such/run"),
        (["."], "is not a run directory"),
        ([".", "--port", "70000"], "from 1 to 65535"),
        ([], "required: RUN"),
    ],
)
def test_what_is_no_run_is_refused(words, problem, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["explore", *words]) == 2
    assert problem in capsys.readouterr().err


def test_telemetry_and_proxies_are_off(monkeypatch):
    for name in ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "example.org")
    environment = explorer_page.private_environment()
    assert environment["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert environment["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"


def test_the_page_serves_one_machine_and_nothing_is_loaded_from_others():
    settings = explorer_page.HOST, explorer_page.POLICY
    assert settings[0] == "127.0.0.1"
    assert "default-src 'self'" in settings[1]
    assert "http" not in settings[1]


def test_answers_pass_through_unchanged():
    assert told(lambda a, b: a + b)(1, 2) == 3


def test_seeds_are_whole_numbers():
    assert [seed_in(typed) for typed in (None, "", 0, 7, 7.0)] == [0, 0, 0, 7, 7]
    for typed in (-1, 0.5, 2**60, float("nan"), float("inf"), "7"):
        with pytest.raises(UsageError, match="give a whole number from 0 to"):
            seed_in(typed)
