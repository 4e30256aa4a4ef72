"""``detect`` from Python and on the command line: one ranking, files of any kind, sentences for mistakes."""

import gzip
import io
import json
import sys

import pytest

from seqgan_kit.cli.applying.detect_command import END, marked
from seqgan_kit.cli.main import main
from seqgan_kit.data.text.tokenizer import EOS, SPECIALS
from seqgan_kit.evaluation.detection.line_detector import LineAnomaly

NORMAL = ["the a cat sat .", "the b cat ran .", "the c cat ate ."]
ODD = "the cat d zebra zebra hid"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "service.log"
    path.write_text("\n".join([NORMAL[0], "", ODD, *NORMAL[1:]]) + "\n")
    return path


def test_python_and_the_command_line_agree(text_run, log, capsys):
    found = text_run.model.detect([NORMAL[0], ODD])
    assert found[0].scores["surprise"] == pytest.approx(
        -text_run.model.log_prob([NORMAL[0]])[0], abs=1e-4
    )
    assert found[0].scores["discriminator"] == pytest.approx(
        -text_run.model.discriminator.score([NORMAL[0]])[0], abs=1e-5
    )
    assert main(["detect", str(text_run.folder), str(log), "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["line"] for row in rows] == [1, 3, 4, 5]
    for row, line in zip(rows, found, strict=False):
        assert row["scores"] == pytest.approx(line.scores, abs=1e-4)
        assert row["p_value"] == line.p_value
    assert rows[1]["scores"]["unknown_words"] == 2


def test_the_most_anomalous_lines_come_first(text_run, log, capsys):
    assert main(["detect", str(text_run.folder), str(log), "-n", "2", "--by", "kneser_ney"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["line", "kneser", "ney", "p", "text"]
    assert first.split()[0] == "3"
    assert first.count(">>") == 1
    assert float(first.split()[1]) > float(second.split()[1])


def test_marks_stand_at_the_worst_token_and_ends_are_shown_only_there():
    def shown(tokens: str, worst: int, *, cut: bool = False) -> str:
        words = tuple(tokens.split())
        surprises = tuple(float(i == worst) for i in range(len(words)))
        return marked(LineAnomaly(1, "", {}, None, words, surprises, None, cut))

    assert SPECIALS[EOS] == END
    assert shown("a b <eos>", 1) == "a >>b<<"
    assert shown("a b <eos>", 2) == "a b >><eos><<"
    assert shown("a b c", 2) == "a b >>c<<"
    assert shown("a b c", 0, cut=True) == ">>a<< b c ..."
    assert marked(LineAnomaly(1, "as it is", {}, None, (), (), None, cut=False)) == "as it is"


def test_labels_give_areas(text_run, log, tmp_path, capsys):
    labels = tmp_path / "labels"
    labels.write_text("0\n0\n1\t4\n0\n0\n")
    command = ["detect", str(text_run.folder), str(log), "--labels", str(labels)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "AUC of 1 anomalous lines against 3 normal ones" in told
    assert "unknown words           1.0000" in told
    assert main([*command, "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])["labels"]
    assert (last["normal"], last["anomalous"]) == (3, 1)
    assert last["auc"]["unknown_words"][0] == 1
    assert last["found_words"][0] in (0, 1)


def test_logs_may_be_packed_long_or_broken(text_run, tmp_path, capsys, monkeypatch):
    raw = NORMAL[0].encode() + b"\n" + b"\xff\xfe cat " * 20_000 + b"\r\n" + ODD.encode()
    packed = tmp_path / "log.gz"
    packed.write_bytes(gzip.compress(raw))
    plain = tmp_path / "log"
    plain.write_bytes(raw)
    printed = []
    for source in (str(packed), str(plain), "-"):
        standard_input = io.TextIOWrapper(io.BytesIO(raw))
        monkeypatch.setattr(sys, "stdin", standard_input)
        assert main(["detect", str(text_run.folder), source, "--json"]) == 0
        captured = capsys.readouterr()
        printed.append(captured.out)
        assert "note: 1 of 3 lines have more than the" in captured.err
    assert printed[0] == printed[1] == printed[2]
    rows = [json.loads(line) for line in printed[0].splitlines()]
    assert [row["cut"] for row in rows] == [False, True, False]
    assert len(rows[1]["text"]) == 1 << 16
    packed.write_bytes(gzip.compress(raw)[:-9])
    assert main(["detect", str(text_run.folder), str(packed)]) == 2
    assert "is a damaged gzip file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "labels", "message"),
    [
        ("\n \n", None, "holds no text: give a file with a line per record"),
        ("a\nb\n", "0\n", "ends after 1 labels"),
        ("a\nb\n", "0\nno\n", "line 2 of"),
        ("a\nb\n", "0\n0\n", "the labels name 2 and 0"),
        ("a\n".encode("utf-16").decode("latin1"), None, "UTF-16"),
    ],
)
def test_mistakes_are_sentences(text_run, tmp_path, capsys, content, labels, message):
    path = tmp_path / "log"
    path.write_bytes(content.encode("latin1"))
    words = ["detect", str(text_run.folder), str(path)]
    if labels is not None:
        (tmp_path / "labels").write_text(labels)
        words += ["--labels", str(tmp_path / "labels")]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_an_image_run_and_a_wrong_score_are_refused(text_run, image_run, log, capsys):
    assert main(["detect", str(image_run.folder), str(log)]) == 2
    assert "finds no anomalies: give a run of f_anogan for images" in capsys.readouterr().err
    assert main(["detect", str(text_run.folder), str(log), "--out", "x"]) == 2
    assert "is a text run: give a text file as FILE" in capsys.readouterr().err
    assert main(["detect", str(text_run.folder), "--images", "x"]) == 2
    assert "leave out --images and --out" in capsys.readouterr().err
    assert main(["detect", str(text_run.folder), str(log), "--by", "suprise"]) == 2
    assert "unknown score 'suprise'. Did you mean 'surprise'" in capsys.readouterr().err
    assert main(["detect", str(text_run.folder), str(log.with_name("servce.log"))]) == 2
    assert "Did you mean" in capsys.readouterr().err
