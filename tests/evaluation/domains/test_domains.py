"""Domains in runs: measures, objectives and drawings of molecules, tunes and captions."""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.domains import tune_files
from seqgan_kit.evaluation.domains.domain_choice import domain_of
from seqgan_kit.evaluation.domains.molecule_domain import MoleculeDomain
from seqgan_kit.evaluation.domains.tune_domain import TuneDomain
from seqgan_kit.evaluation.objectives.objective_choice import OBJECTIVES, ObjectiveSettings
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.metrics.molecules.chemistry import parse_molecules
from seqgan_kit.metrics.music.abc_tune import read_tune
from seqgan_kit.report.samples import sounds, stages
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

TUNES = [
    '[M:4/4][L:1/4][K:G]"G"GBdB|(3ABc d B|A2 G2|]',
    "[M:6/8][L:1/8][K:D]def afd|^gfe d2c|",
    "[M:4/4][L:1/4][K:C]CDEF|G4|]",
    "[M:4/4][L:1/4][K:C]EDC2|C4|]",
]
MOLECULES = ["CCO", "c1ccccc1O", "CC(=O)N", "CCN", "OC1CC1"]


def scorer_of(tmp_path: Path, kind: str, lines, objective: str = "") -> TextScorer:
    path = tmp_path / f"lines.{'smi' if kind == 'smiles' else 'abc'}"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    data = TextData(text=str(path), test_text=str(path), tokenizer=kind, valid_share=0)
    settings = TextScoreSettings(score_samples=20, evaluation_samples=20)
    return TextScorer(load_text(data), None, settings, ObjectiveSettings(objective))


def generator_of(scorer: TextScorer) -> LSTMGenerator:
    torch.manual_seed(0)
    ids, length = scorer.corpus.tokenizer, scorer.corpus.length
    special = {"bos": ids.bos, "eos": ids.eos, "pad": ids.pad}
    return LSTMGenerator(LSTMConfig(8, 8), ids.vocabulary_size, length, **special)


def test_every_named_objective_belongs_to_a_domain():
    domains = (MoleculeDomain([]), TuneDomain())
    assert {"bleu"}.union(*(d.objectives for d in domains)) == set(OBJECTIVES)


def test_objectives_of_molecules_are_zero_for_other_lines():
    """logP of ethanol by Crippen is -0.0014, so the objective is (-0.0014 + 2.122) / 8.165."""
    pytest.importorskip("rdkit")
    objectives = MoleculeDomain([]).objectives
    lines = ["CCO", "CC(", ""]
    np.testing.assert_allclose(objectives["validity"](lines), [1, 0, 0])
    np.testing.assert_allclose(objectives["logp"](lines), [0.2597, 0, 0], atol=1e-4)
    np.testing.assert_allclose(objectives["qed"](lines), [0.4068, 0, 0], atol=1e-4)
    assert objectives["logp"](["C" * 40]).tolist() == [1.0]


def test_measures_of_molecules_are_of_the_valid_ones():
    pytest.importorskip("rdkit")
    scores = MoleculeDomain(["OCC"]).estimates(["CCO", "CCO", "CC(", "c1ccccc1"])
    assert scores["validity"].value == 0.75
    assert scores["validity"].standard_error == pytest.approx((0.75 * 0.25 / 4) ** 0.5)
    assert scores["unique"].value == pytest.approx(2 / 3)
    assert scores["novel"].value == 0.5
    assert scores["qed"].value == pytest.approx((2 * 0.4068 + 0.4426) / 3, abs=1e-4)
    assert set(MoleculeDomain([]).estimates(["CC("])) == {"validity"}, "absent, not 0"
    assert {c["key"] for c in MoleculeDomain([]).columns(4)} == set(scores)


def test_the_training_molecules_are_parsed_once(tmp_path, monkeypatch):
    pytest.importorskip("rdkit")
    monkeypatch.setenv("SEQGAN_KIT_CACHE", str(tmp_path))
    training = ["OCC", "CC(", "c1ccccc1"]
    first = MoleculeDomain(training).estimates(["CCO", "CN"])["novel"].value
    parsed = []
    monkeypatch.setattr(
        "seqgan_kit.metrics.molecules.molecule_measures.parse_molecules",
        lambda lines: parsed.append(lines) or parse_molecules(lines),
    )
    assert MoleculeDomain(training).estimates(["CCO", "CN"])["novel"].value == first == 0.5
    assert parsed == [["CCO", "CN"]]
    assert MoleculeDomain(training[1:]).estimates(["CCO"])["novel"].value == 1.0


def test_the_table_of_a_run_on_molecules(tmp_path):
    """Real molecules are held out, so they are as novel as the test split says, not copies."""
    pytest.importorskip("rdkit")
    scorer = scorer_of(tmp_path, "smiles", MOLECULES, "qed")
    real = scorer.real_row(np.random.default_rng(0))["values"]
    assert real["validity"] == real["unique"] == 1.0
    assert real["novel"] == 0.0, "here the test file is the training file"
    row = scorer.row("x", generator_of(scorer), 0)["values"]
    assert 0 <= row["validity"] <= 1
    ids = torch.tensor([[*scorer.corpus.tokenizer.encode("CCO"), 2], [4, 2, 0, 0]])
    reward = scorer.reward
    assert reward.weight == 0.5
    assert reward.objective is not None
    assert reward.objective(ids[:1]).item() == pytest.approx(0.4068, abs=1e-4)


def test_a_missing_package_is_named_before_training(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    scorer = scorer_of(tmp_path, "smiles", MOLECULES, "qed")
    with pytest.raises(UsageError, match=r"seqgan-kit\[molecules\]"):
        scorer.measures.check(())
    with pytest.raises(UsageError, match=r"seqgan-kit\[molecules\]"):
        _ = scorer.reward


@pytest.mark.parametrize(("kind", "objective"), [("abc", "qed"), ("smiles", "bars")])
def test_an_objective_of_another_domain_is_refused(tmp_path, kind, objective):
    scorer = scorer_of(tmp_path, kind, TUNES if kind == "abc" else MOLECULES, objective)
    with pytest.raises(
        UsageError, match=f"objective {objective} does not fit this text.*bleu, val"
    ):
        _ = scorer.reward


def test_an_objective_needs_a_domain(tmp_path):
    (tmp_path / "a.txt").write_text("a b\nb c\nc d\n")
    corpus = load_text(TextData(text=str(tmp_path / "a.txt"), valid_share=0, test_share=0))
    assert domain_of(corpus) is None
    with pytest.raises(UsageError, match="for it there are: bleu and FILE"):
        _ = TextScorer(corpus, objective=ObjectiveSettings("validity")).reward


def test_tunes_are_measured_drawn_and_heard_in_the_report(tmp_path):
    scorer = scorer_of(tmp_path, "abc", TUNES)
    real = scorer.real_row(np.random.default_rng(0))["values"]
    assert real["validity"] == real["bars"] == 1.0
    assert real["key"] == pytest.approx((1 + 10 / 11 + 1 + 1) / 4)
    assert real["tonic"] == 0.5
    folder = tmp_path / "samples"
    folder.mkdir()
    (folder / "tune-9.wav").write_bytes(b"old")
    (folder / "1.txt").write_text("x\n")
    scorer.measures.draw([*TUNES, "[K:C]|"], folder / "1")
    assert sorted(p.name for p in folder.glob("*.wav")) == [f"tune-{n}.wav" for n in range(1, 5)]
    assert "X:2\nT:Sample 2\nM:6/8\nL:1/8\nK:D\ndef" in (folder / "tunes.abc").read_text()
    heard = sounds(tmp_path)
    assert [s.title for s in heard] == ["tune-1", "tune-2", "tune-3", "tune-4"]
    assert all(s.sound.startswith("data:audio/wav;base64,") for s in heard)
    assert [s.lines for s in stages(tmp_path, [])] == [["x"]]


def test_sound_lasts_as_long_as_the_tune_and_has_its_pitch(tmp_path):
    """A is 440 Hz: the strongest frequency of a note on a (A4 is A in ABC)."""
    notes = tune_files.notes_of("[M:4/4][L:1/4][K:C]A4|")
    samples = tune_files.sound(notes)
    assert len(samples) / tune_files.RATE == pytest.approx(2.0 + 0.5)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.fft.rfftfreq(len(samples), 1 / tune_files.RATE)[spectrum.argmax()] == pytest.approx(
        440, abs=1
    )
    tune_files.write_wave(tmp_path / "a.wav", samples)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnframes(), file.getframerate()) == (len(samples), tune_files.RATE)
    long = tune_files.sound(tune_files.notes_of("[M:4/4][L:1/1][K:C]" + "A4|" * 40))
    assert len(long) / tune_files.RATE == tune_files.MOST_SECONDS


def test_midi_files_have_the_notes_in_time(tmp_path):
    mido = pytest.importorskip("mido")
    line = "[M:4/4][L:1/4][K:C]C2 [EG]z|c4|"
    tune_files.write_midi(tmp_path / "a.mid", tune_files.notes_of(line))
    file = mido.MidiFile(str(tmp_path / "a.mid"))
    assert file.length == pytest.approx(4.0)  # Two bars of two seconds.
    time, started = 0.0, []
    for message in file:
        time += message.time
        if message.type == "note_on":
            started.append((round(time, 3), message.note))
    assert started == [(0.0, 60), (1.0, 64), (1.0, 67), (2.0, 72)]


def test_without_mido_there_is_sound_but_no_midi(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    tune_files.write_tunes(TUNES[:1], tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tune-1.wav", "tunes.abc"]


def test_structures_are_drawn_beside_the_lines(tmp_path):
    pytest.importorskip("rdkit")
    (tmp_path / "samples").mkdir()
    scorer = scorer_of(tmp_path, "smiles", MOLECULES)
    path = tmp_path / "samples" / "3"
    scorer.measures.draw(["CC("], path)
    assert not path.with_suffix(".png").exists()
    path.with_suffix(".txt").write_text("CCO\n")
    scorer.measures.draw(["CCO", "CC("], path)
    (sample,) = stages(tmp_path, [])
    assert sample.lines == ["CCO"]
    assert sample.picture.startswith("data:image/png;base64,")


def test_a_written_tune_reads_as_the_same_notes():
    text = tune_files.abc_text(TUNES[0], 1)
    from seqgan_kit.data.sources.notation_rows import tune_rows
    from seqgan_kit.data.text.notations import split_notation

    (line,) = tune_rows(text.split("\n"))
    assert line == TUNES[0]
    assert not read_tune(split_notation("abc", line)).mistakes
