"""Toy: a bowl over x whose value falls with every round. No torch, so it starts at once."""

import json
import os
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    words = sys.argv[1:]
    given = dict(zip(words[1::2], words[2::2], strict=False)) if "--resume" not in words else {}
    folder = Path(given.get("--out") or words[words.index("--resume") + 1])
    folder.mkdir(parents=True, exist_ok=True)
    config, metrics = folder / "config.json", folder / "metrics.jsonl"
    if not config.exists():
        record = {"command": ["python", *sys.argv], "versions": {"seqgan_kit": "0"}, "seed": 0}
        config.write_text(json.dumps(record | {"config": given}))
    given = json.loads(config.read_text())["config"]
    x, seed = float(given["--x"]), int(given["--seed"])
    if x > 5:
        sys.exit("error: x is too large")
    done = len(metrics.read_text().splitlines()) if metrics.exists() else 0
    print("from round", done, "with", os.environ.get("OMP_NUM_THREADS"), "threads", flush=True)
    while done < int(given.get("--rounds", 3)):
        time.sleep(float(given.get("--pause", 0)))
        done += 1
        row = {"kind": "evaluation", "phase": "p", "round": done, "total_round": done, "move": done}
        values = {"m": (x - 0.3) ** 2 + 0.01 * seed + 1 / done, "other": 1.0}
        with metrics.open("a") as file:
            file.write(json.dumps(row | {"seconds": float(done), "values": values}) + "\n")
    (folder / "scores.json").write_text("{}")
else:
    from dataclasses import dataclass, field
    from typing import Annotated

    from seqgan_kit.core.runs.launch import flat

    @dataclass(frozen=True)
    class Run:
        """Where it is written."""

        out: str = ""
        seed: int = 0
        preset: str = ""

    @dataclass(frozen=True)
    class Config:
        """What can be swept."""

        x: float = 0.0
        rounds: int = 3
        pause: float = 0.0
        run: Annotated[Run, flat] = field(default_factory=Run)

    PRESETS = {"default": Config()}
