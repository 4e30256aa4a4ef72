"""Progress in a terminal, in a pipe and with --quiet."""

from __future__ import annotations

import io
import re
import types

import pytest
from rich.console import Console

from seqgan_kit.core.runs import progress as module
from seqgan_kit.core.runs.progress import Progress
from seqgan_kit.core.runs.readings import chosen, duration
from seqgan_kit.errors import UsageError


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: self.now))


def pipe() -> Console:
    return Console(file=io.StringIO(), force_terminal=False, highlight=False)


def written(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in console.file.getvalue().splitlines()]


def test_a_pipe_gets_timestamped_lines_without_escape_codes() -> None:
    console = pipe()
    with Progress("auto", console=console) as progress:
        assert progress.mode == "plain"
        progress.phase("adversarial", rounds=1)
        progress.advance(1, {"generator/loss": 2.5})
        progress.phase("adversarial", rounds=3)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "\x1b" not in text
    assert all(re.match(r"\d\d:\d\d:\d\d  \S", line) for line in text.splitlines())


def test_plain_lines_come_every_few_seconds_and_at_phase_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """100 rounds of 0.2 s are 20 s: lines at 5, 10 and 15 s, and one when the phase ends."""
    clock, console = Clock(monkeypatch), pipe()
    with Progress("plain", console=console) as progress:
        progress.phase("pretrain generator", rounds=100)
        for done in range(1, 101):
            clock.now += 0.2
            progress.advance(done, {"generator/loss": 1.0}, moves_per_second=5.0)
    lines = written(console)
    assert lines[0] == "pretrain generator: 100 rounds"
    assert len(lines) == 5
    assert re.match(
        r"pretrain generator  2[56]/100  eta 0:15  5 updates/s  G loss 1\.000", lines[1]
    )
    assert lines[-1] == "pretrain generator done 100/100 in 0:20  G loss 1.000"


def test_lines_grow_rarer_in_a_long_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours at a line every 5 s would be 1440 lines; at most one a minute after 50 minutes."""
    clock, console = Clock(monkeypatch), pipe()
    with Progress("plain", console=console) as progress:
        progress.phase("adversarial", rounds=7200)
        for done in range(1, 7200):
            clock.now += 1.0
            progress.advance(done, {})
        assert 100 < len(written(console)) < 300


def test_resumed_phase_says_so_and_its_eta_counts_new_rounds_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ten rounds in 10 s since round 50, so the 40 left take 40 s (not 10/60 of a second each)."""
    clock, console = Clock(monkeypatch), pipe()
    with Progress("plain", console=console) as progress:
        progress.phase("adversarial", rounds=100, done=50)
        clock.now += 10
        progress.advance(60, {})
    lines = written(console)
    assert lines[0] == "adversarial: 100 rounds, 50 of them done"
    assert lines[1] == "adversarial  60/100  eta 0:40"
    assert lines[2] == "adversarial ended 60/100 in 0:10"


def test_an_error_is_not_called_done() -> None:
    console = pipe()

    def fail() -> None:
        with Progress("plain", console=console) as progress:
            progress.phase("adversarial", rounds=10)
            progress.advance(3, {})
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    assert written(console) == ["adversarial: 10 rounds"]


def test_messages_are_text_not_markup() -> None:
    console = pipe()
    with Progress("plain", console=console) as progress:
        progress.message("[red] resume with --resume [x]")
        progress.alarm("accuracy pinned at 1")
    assert written(console) == ["[red] resume with --resume [x]", "alarm: accuracy pinned at 1"]


def test_quiet_prints_alarms_alone_and_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("quiet") as progress:
        progress.phase("adversarial", rounds=2)
        progress.advance(1, {"loss": 1.0})
        progress.message("saved")
        progress.alarm("accuracy pinned at 1")
        progress.advance(2, {"loss": 1.0})
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err == "alarm: accuracy pinned at 1\n"


def test_an_encoding_that_lacks_a_character_does_not_stop_a_training() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    with Progress("plain", console=console) as progress:
        progress.message("猫 sat")
    assert raw.getvalue().endswith(b"? sat\n")


def live_frames(width: int) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    with Progress("live", console=console) as progress:
        progress.phase("pretrain discriminator", rounds=200)
        numbers = {"generator/loss": 2.31, "discriminator/accuracy": 0.9, "learning_rate": 1e-4}
        progress.advance(7, numbers | {"reverse_kl": 1.25}, 31.26)
        print("a nested print")
        assert progress._live is not None
        progress._live.refresh()
        progress.advance(200, {"generator/loss": 2.0}, 5.0)
        progress.advance(200, {"reverse_kl": 0.75})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_live_display_fits_its_width_and_shows_what_matters(width: int) -> None:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\n", live_frames(width))
    assert "pretrain discriminator" in text
    assert "7/200" in text
    assert "31.3 updates/s" in text
    assert "G loss 2.310  D accuracy 0.9000" in text
    assert "reverse kl 1.250" in text
    assert "a nested print" in text
    assert re.search(
        r"done pretrain discriminator  200/200 in 0:00 .*G loss 2\.000.*kl 0\.75", text
    )
    assert "learning" not in text
    assert max(len(line) for line in re.split(r"[\r\n]", text)) <= width


def test_live_display_survives_a_very_narrow_terminal() -> None:
    assert "pretrain" in live_frames(20)


def test_what_is_chosen_fits_and_puts_exact_measures_before_losses() -> None:
    values = {"loss": 1.0, "steps": 12, "reverse_kl": 0.5}
    assert chosen(values, 80) == "loss 1.000  steps 12  reverse kl 0.5000"
    assert chosen(values, 29) == "loss 1.000  reverse kl 0.5000"
    assert chosen(values, 28) == "steps 12  reverse kl 0.5000"
    assert chosen(values, 17) == "reverse kl 0.5000"
    assert chosen(values, 5) == ""
    assert chosen({"x": float("nan"), "y": 1e-5, "z": 123456.7}, 80) == "x nan  y 1e-05  z 123457"


def test_one_round_is_no_plural() -> None:
    console = pipe()
    with Progress("plain", console=console) as progress:
        progress.phase("adversarial", rounds=1)
    assert written(console) == ["adversarial: 1 round"]


def test_duration() -> None:
    assert [duration(s) for s in (0, 59.6, 3599, 3661)] == ["0:00", "1:00", "59:59", "1:01:01"]


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="Did you mean 'quiet'"):
        Progress("quit")  # type: ignore[arg-type]


def test_an_evaluation_past_says_which_round_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only values of an earlier evaluation show their round."""
    clock, console = Clock(monkeypatch), pipe()
    with Progress("plain", console=console) as progress:
        progress.phase("mle", rounds=4)
        for number in (1, 2, 3, 4):
            clock.now += 100
            progress.advance(number, {"loss": number + 0.5})
            if number in (2, 3):
                clock.now += 100
                progress.advance(number, {"nll_valid": float(number)}, measured=True)
    lines = written(console)
    assert lines[2].endswith("loss 2.500")
    assert lines[3].endswith("loss 2.500  nll valid 2.000")
    assert lines[4].endswith("loss 3.500  at round 2: nll valid 2.000")
    assert lines[5].endswith("loss 3.500  nll valid 3.000")
    assert lines[-1].endswith("loss 4.500  at round 3: nll valid 3.000")
