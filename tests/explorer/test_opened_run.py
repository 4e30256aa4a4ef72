"""Runs on the page: their newest model, one request at a time; and the training panel's HTML."""

import os
import threading
from pathlib import Path

import pytest
import torch
from explorer_runs import log_of, save_text

from seqgan_kit.cli.explore.explore_command import opened
from seqgan_kit.errors import UsageError
from seqgan_kit.explorer.opened_run import distinct_names
from seqgan_kit.explorer.training_markup import (
    log_signature,
    sampled_rounds,
    samples_markup,
    training_markup,
)

NASTY = "<script>alert(1)</script>"


def later(path) -> None:
    about = path.stat()
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns + 10**9))


def test_a_newer_model_replaces_the_loaded_one_and_a_broken_one_does_not(tmp_path):
    run = opened(save_text(tmp_path / "run"))
    file = tmp_path / "run" / "model" / "model.json"
    with run.model() as first:
        assert run.derived("x", lambda model: model) is first
    with run.model() as again:
        assert again is first
    later(file)
    with run.model() as newer:
        assert newer is not first
        assert run.derived("x", lambda model: model) is newer
    (tmp_path / "run" / "model" / "generator.safetensors").write_bytes(b"half")
    later(file)
    with run.model() as kept:
        assert kept is newer


def test_one_request_at_a_time_uses_the_model(text_run):
    order = []

    def ask(name: str) -> None:
        with text_run.model():
            order.append(f"{name} in")
            torch.ones(200, 200) @ torch.ones(200, 200)
            order.append(f"{name} out")

    threads = [threading.Thread(target=ask, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(a.split()[0] == b.split()[0] for a, b in zip(order[::2], order[1::2], strict=True))


def test_a_run_without_a_model_shows_its_training_alone(tmp_path):
    log_of(tmp_path / "run")
    run = opened(tmp_path / "run")
    assert (run.kind, run.has_log, run.name) == ("", True, "run")
    with pytest.raises(UsageError, match="no trained model yet"), run.model():
        pass
    with pytest.raises(UsageError, match="not a run directory"):
        opened(tmp_path)


def test_a_run_wakes_when_its_first_model_is_whole(tmp_path):
    log_of(tmp_path / "run")
    run = opened(tmp_path / "run")
    assert not run.wake()
    save_text(tmp_path / "run")
    weights = tmp_path / "run" / "model" / "generator.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(b"half")
    assert not run.wake()
    assert run.kind == ""
    weights.write_bytes(whole)
    assert run.wake()
    assert run.kind == "text"
    with run.model() as model:
        assert len(model.sample(2)) == 2


def test_training_shows_curves_alarms_and_samples_as_they_come(tmp_path):
    log = log_of(tmp_path)
    assert "Not started" in training_markup(tmp_path)
    assert "No samples" in samples_markup(tmp_path, 3)
    before = log_signature(tmp_path)
    for at in range(1, 4):
        log.log(
            "train", phase="mle", round=at, total_round=at, move=at, values={"nll_train": 1 / at}
        )
        log.sample_path(at, "txt").write_text(f"line of {at} {NASTY}\n")
    log.log("alarm", phase="mle", round=3, total_round=3, move=3, values={}, message=NASTY)
    assert log_signature(tmp_path) != before
    page = training_markup(tmp_path)
    assert "1 alarm" in page
    assert "NLL train" in page
    assert page.count("<svg") == 1
    assert sampled_rounds(tmp_path) == [1, 2, 3]
    assert "round 2, mle" in samples_markup(tmp_path, 1)
    assert "line of 3" in samples_markup(tmp_path, 99)
    for text in (page, samples_markup(tmp_path, 0)):
        assert "&lt;script&gt;" in text
        assert "<script>" not in text


def test_names_tell_runs_apart():
    paths = [Path("/a/mle"), Path("/a/gan"), Path("/b/mle")]
    assert distinct_names(paths[:2]) == ["mle", "gan"]
    assert distinct_names(paths) == ["a/mle", "a/gan", "b/mle"]
    assert distinct_names([]) == []
