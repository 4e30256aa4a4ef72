"""A run on tunes from its training to its evaluation and report."""

import json

import seqgan_kit as sk
from seqgan_kit.cli.main import main


def test_a_run_on_tunes_is_scored_heard_and_evaluated(tmp_path, capsys):
    out = tmp_path / "run"
    run = sk.run(
        "organ", "smoke", text="tunes", tokenizer="abc", objective="bars", rounds=1, out=out
    )
    assert set(run.scores) == {"MLE", "ORGAN", "real data"}
    assert run.scores["real data"]["bars"] == 1.0
    assert 0 <= run.scores["ORGAN"]["bars"] <= 1
    written = sorted((out / "samples").glob("tune-*.wav"))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<audio controls") == len(written) > 0
    assert main(["evaluate", str(out), "--sample", "50", "--encoder", "none", "--lm", "none"]) == 0
    record = json.loads((out / "evaluation.json").read_text())
    labels = {c["label"]: c["group"] for c in record["columns"]}
    assert labels["full bars"] == labels["notes in key"] == "what the lines mean"
    assert [row["values"]["tonic"] <= 1 for row in record["rows"]] == [True, True]
    assert "full bars" in capsys.readouterr().out
