"""Talking to a model: what it reads, what it answers, and how a conversation begins and ends."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seqgan_kit.cli.applying import chat_command
from seqgan_kit.cli.main import main
from seqgan_kit.data.pairs.load_pairs import encode_source, load_pairs
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.evaluation.conditional import conversation
from seqgan_kit.evaluation.conditional.conversation import Conversation, check_chat
from seqgan_kit.evaluation.text_export import TextModel, load_text_model, save_text_model
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice, build_generator
from seqgan_kit.sequences.generators.lstm import LSTMConfig

TALKS: list[dict[str, Any]] = [
    {"context": ["hello", "good day", "how are you ?"], "responses": ["fine , thanks .", "well ."]},
    {"context": ["thanks"], "responses": ["good day ."]},
]


def saved_model(
    folder: Path, pairs: PairData, column: str, rows: list[dict[str, Any]] = TALKS
) -> Path:
    for split in ("train", "valid", "test"):
        (folder / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    corpus = load_pairs(TextData(text=str(folder), column=column), pairs)
    generator = build_generator(
        GeneratorChoice(lstm=LSTMConfig(4, 4)),
        corpus.tokenizer.vocabulary_size,
        corpus.length,
        bos=1,
        eos=2,
        pad=0,
        given=corpus.given,
        source_vocabulary=corpus.given_vocabulary.size,
    )
    own = corpus.source_vocabulary
    save_text_model(folder / "model", generator, corpus.tokenizer, source_vocabulary=own)
    return folder


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("talks")
    return saved_model(folder, PairData(source_column="context"), "responses")


@pytest.fixture
def echo(monkeypatch) -> list[str]:
    """Makes every model answer "well ."; the sources that it was asked about."""
    asked: list[str] = []

    def answer(model, sources, **how):
        asked.extend(sources)
        return [["well ."] for _ in sources]

    monkeypatch.setattr(conversation, "generate", answer)
    return asked


def test_the_context_holds_both_sides_of_the_last_turns(run_dir, echo):
    talk = Conversation(load_text_model(run_dir), {})
    assert talk.answer("hello") == "well."
    assert talk.answer("how are you ?") == "well."
    assert echo == ["hello", "hello | well . | how are you ?"]
    talk.reset()
    talk.answer("thanks")
    assert echo[-1] == "thanks"
    short = Conversation(load_text_model(run_dir), {}, most_turns=2)
    for line in ("a", "b"):
        short.answer(line)
    assert echo[-1] == "well . | b"


def test_a_long_context_keeps_its_last_tokens(run_dir):
    model = load_text_model(run_dir)
    given = model.generator.given
    line = " | ".join(["hello"] * 20 + ["how are you ?"])
    ids = model.tokenizer.encode(line)
    assert encode_source(model.given_vocabulary, line, given).tolist() == ids[-given:]
    talk = Conversation(model, {"beam": 2})
    assert isinstance(talk.answer(line), str)
    assert len(talk.turns) == 2
    assert talk.read == " ".join(line.split()[-given:])


def test_a_model_of_single_lines_reads_the_last_line_only(tmp_path, echo):
    rows = [{"de": "ja .", "en": "yes ."}, {"de": "nein .", "en": "no ."}]
    folder = saved_model(tmp_path, PairData(source_column="de"), "en", rows)
    talk = Conversation(load_text_model(folder), {})
    assert not talk.knows_turns
    talk.answer("ja .")
    talk.answer("nein .")
    assert echo == ["ja .", "nein ."]


def chat(capsys, monkeypatch, folder, text: str, *flags: object):
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    code = main(["chat", str(folder), *map(str, flags)])
    return code, *capsys.readouterr()


def test_a_pipe_gets_a_reply_a_line_and_nothing_else(run_dir, capsys, monkeypatch, echo):
    text = "hello\n\n/reset\nthanks\n/context\n/what\n/quit\nhello\n"
    code, out, err = chat(capsys, monkeypatch, run_dir, text)
    assert (code, out) == (0, "well.\nwell.\n")
    assert echo == ["hello", "thanks"]
    assert "forgotten" in err
    assert "  thanks\n" in err
    assert "/quit ends" in err


def test_replies_are_repeatable_by_their_seed(run_dir, capsys, monkeypatch):
    first, again, other = (
        chat(capsys, monkeypatch, run_dir, "hello\nthanks\nhello\n", "--seed", seed)[1]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.count("\n") == 3
    assert first != other


def test_a_terminal_has_prompts_and_notes(run_dir, capsys, monkeypatch, echo):
    typed = iter(["hello strange", "", "/quit"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    chat_command.talk(Conversation(load_text_model(run_dir), {}, 1), at_terminal=True)
    out = capsys.readouterr().out
    assert "your last line only" in out
    assert "(unknown to the model: strange)" in out
    assert "model> well." in out


@pytest.mark.parametrize("end", [KeyboardInterrupt, EOFError])
def test_ctrl_c_and_ctrl_d_end_without_a_message(run_dir, capsys, monkeypatch, end):
    def stop(*_: object, **__: object) -> None:
        raise end

    if end is KeyboardInterrupt:
        monkeypatch.setattr(chat_command, "talk", stop)
        assert chat(capsys, monkeypatch, run_dir, "") == (0, "\n", "")
    else:
        monkeypatch.setattr("builtins.input", stop)
        chat_command.talk(Conversation(load_text_model(run_dir), {}), at_terminal=True)


def test_runs_that_cannot_answer_are_refused(
    tmp_path, run_dir, capsys, monkeypatch, tiny_generator
):
    tokenizer = load_text_model(run_dir).tokenizer
    alone = TextModel(tiny_generator(tokenizer.vocabulary_size), tokenizer)
    with pytest.raises(UsageError, match="writes without a source, so it cannot answer"):
        check_chat(alone)
    with pytest.raises(UsageError, match="chat is for models that write text"):
        check_chat(object())
    rows = [{"kind": kind, "text": f"{kind} word"} for kind in ("good", "bad")] * 5
    folder = saved_model(tmp_path, PairData(label_column="kind"), "text", rows)
    code, out, err = chat(capsys, monkeypatch, folder, "good\n")
    assert (code, out) == (2, "")
    assert "writes after a class (bad, good), not after a line" in err
    code, _, err = chat(capsys, monkeypatch, run_dir, "", "--beam", 3, "--temperature", 0.5)
    assert code == 2
    assert "--beam searches and does not sample" in err


def test_input_that_is_no_text_is_an_error(run_dir, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), "utf-8"))
    with pytest.raises(DataError, match="not UTF-8 text"):
        chat_command.talk(Conversation(load_text_model(run_dir), {}), at_terminal=False)
