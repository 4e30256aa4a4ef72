"""A recipe without torch, whose runs last milliseconds and can be resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

TOY = '''"""Toy: plays rounds of 20 ms; goes on where it stopped. No torch, so it starts at once."""
import json, os, signal, sys, time
from pathlib import Path

words = sys.argv[1:]
def value(flag, default):
    return words[words.index(flag) + 1] if flag in words else default

folder = Path(value("--resume", value("--out", "")))
folder.mkdir(parents=True, exist_ok=True)
config, metrics = folder / "config.json", folder / "metrics.jsonl"
if not config.exists():
    record = {"command": ["python", sys.argv[0], *words], "versions": {"seqgan_kit": "0"}}
    rounds = int(value("--rounds", 3))
    config.write_text(json.dumps({**record, "seed": 0, "config": {"training": {"rounds": rounds}}}))
if "--fail" in words:
    sys.exit("error: asked to fail")
rounds = int(value("--rounds", json.loads(config.read_text())["config"]["training"]["rounds"]))
done = len(metrics.read_text().splitlines()) if metrics.exists() else 0
stopped, began = [], time.monotonic()
signal.signal(signal.SIGTERM, lambda *_: stopped.append(143))
print("threads", os.environ.get("OMP_NUM_THREADS"), "from round", done, flush=True)
while done < rounds:
    time.sleep(0.02)
    done += 1
    row = {"kind": "train", "phase": "adversarial", "round": done, "move": done, "seconds": done}
    row |= {"total_round": done, "values": {}}
    with metrics.open("a") as file:
        file.write(json.dumps(row) + "\\n")
    if stopped:
        sys.exit(stopped[0])
    if time.monotonic() - began > 60 * float(value("--max-minutes", 99)):
        sys.exit(0)
(folder / "scores.json").write_text(json.dumps({"rounds": done}))
'''


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    path = tmp_path / "toy.py"
    path.write_text(TOY)
    return path
