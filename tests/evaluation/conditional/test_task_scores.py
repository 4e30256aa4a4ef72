"""Exact scores of conditional generators, by a generator whose scores are known in closed form."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from seqgan_kit.data.catworld.tasks.task_choice import TASKS
from seqgan_kit.data.pairs.pair_config import PairData
from seqgan_kit.data.text.encoding import pad_rows
from seqgan_kit.data.text.load_text import load_text
from seqgan_kit.data.text.text_config import TextData
from seqgan_kit.data.text.tokenizer import EOS, PAD
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.task_scores import TaskWorld
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, load_corpus
from seqgan_kit.evaluation.evaluate_run import GivenText, evaluate_run
from seqgan_kit.evaluation.evaluation_settings import EvaluationSettings
from seqgan_kit.evaluation.text_export import save_text_model
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice, build_generator
from seqgan_kit.sequences.generators.lstm import LSTMConfig

TASK = TASKS["translate"]
FALSE = "fenu ap sedit olo muro belo ."  # Felish, but false after a source that names a black coat


class Mixture(nn.Module):
    """(1-s) P(. | source) + s on the sentence FALSE."""

    def __init__(self, corpus, share):
        super().__init__()
        self.corpus, self.share = corpus, share
        self.vocabulary = corpus.tokenizer.vocabulary_size
        self.nothing = nn.Parameter(torch.zeros(1))
        given = map(tuple, corpus.test[:, : corpus.given].tolist())
        self.sources = dict(zip(given, corpus.sources["test"], strict=True))

    def sequence_log_prob(self, rows):
        found = []
        for row in rows.tolist():
            source = self.sources[tuple(row[: self.corpus.given])]
            line = self.corpus.tokenizer.decode(row[self.corpus.given :])
            p = math.exp(TASK.log_prob(line, source))
            found.append(math.log((1 - self.share) * p + self.share * (line == FALSE)))
        return torch.tensor(found, dtype=torch.float64)


@pytest.fixture(scope="module")
def corpus():
    """The bundled pairs whose test sources name a black coat."""
    corpus, world = load_corpus(TextData("catworld:translate"), OracleData(), PairData())
    assert isinstance(world, TaskWorld)
    black = [i for i, s in enumerate(corpus.sources["test"]) if " black " in s][:40]
    return replace(
        corpus,
        test=corpus.test[black],
        test_lines=[corpus.test_lines[i] for i in black],
        sources={**corpus.sources, "test": [corpus.sources["test"][i] for i in black]},
    )


def rows_of(corpus, lines):
    written = pad_rows([corpus.tokenizer.encode(line) for line in lines], corpus.length)
    return torch.cat([corpus.test[:, : corpus.given], written], 1)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_scores_of_a_mixture_with_a_false_sentence(corpus, share):
    """Forward KL = -log(1-s) and the skewed KL has log 100 for s of the samples, whatever the source."""
    rng = np.random.default_rng(0)
    lines = [TASK.sample(source, rng) for source in corpus.sources["test"]]
    wrong = int(share * len(lines))
    rows = rows_of(corpus, [FALSE] * wrong + lines[wrong:])
    scores = TaskWorld(TASK).scores(corpus, Mixture(corpus, share), rows)
    assert scores["validity"].value == 1
    assert scores["faithfulness"].value == pytest.approx(1 - share)
    assert scores["forward_kl"].value == pytest.approx(-math.log(1 - share), abs=1e-9)
    assert scores["reverse_kl"].value == pytest.approx(0, abs=1e-9)
    right = -math.log(0.99 / (1 - share) + 0.01)
    skewed = share * math.log(100) + (1 - share) * right
    assert scores["skewed_kl"].value == pytest.approx(skewed, abs=1e-9)


def test_a_sentence_without_an_end_or_of_another_language_is_not_valid(corpus):
    rows = rows_of(corpus, corpus.test_lines)
    rows[0][rows[0] == EOS] = PAD
    rows[1] = rows_of(corpus, [corpus.sources["test"][1][:20]] * len(rows))[1]
    writes = Mixture(corpus, 0.0)
    writes.sequence_log_prob = lambda rows: torch.zeros(len(rows))
    scores = TaskWorld(TASK).scores(corpus, writes, rows)
    assert scores["validity"].value == scores["faithfulness"].value == 1 - 2 / len(rows)


def test_outputs_are_judged_by_the_whole_source_where_the_generator_reads_its_end(corpus):
    short, world = load_corpus(
        TextData("catworld:translate"), OracleData(), PairData(source_tokens=2)
    )
    assert short.given == 2
    writes = Mixture(corpus, 0.0)
    writes.sequence_log_prob = lambda rows: torch.zeros(len(rows))
    assert world.scores(short, writes, short.test[:50])["faithfulness"].value == 1


def test_a_final_table_has_exact_scores_of_generator_and_task(corpus):
    torch.manual_seed(0)
    generator = build_generator(
        GeneratorChoice(lstm=LSTMConfig(8, 8)),
        corpus.tokenizer.vocabulary_size,
        corpus.length,
        bos=1,
        eos=2,
        pad=0,
        given=corpus.given,
    )
    scorer = TextScorer(corpus, TaskWorld(TASK), TextScoreSettings(40, 40))
    record = scorer.record("x", scorer.rows({"G": generator.eval()}, 0, quiet=True))
    ours, real = (row["values"] for row in record["rows"])
    assert ours["faithfulness"] < 0.2 < real["faithfulness"] == real["validity"] == 1
    assert ours["forward_kl"] > 10
    assert real["nll_test"] < 8 < ours["nll_test"]
    log_p = TASK.log_prob_many(corpus.test_lines, corpus.sources["test"])
    assert ours["nll_test"] - ours["forward_kl"] == pytest.approx(-log_p.mean(), rel=1e-5)
    keys = [c["key"] for c in record["columns"]]
    assert keys[:6] == [
        "reverse_kl",
        "forward_kl",
        "skewed_kl",
        "jensen_shannon",
        "validity",
        "faithfulness",
    ]
    assert any("a caption in Felish from one in English" in note for note in record["notes"])


def test_a_task_is_refused_where_it_does_not_fit():
    task = TextData("catworld:answer")
    with pytest.raises(UsageError, match="this method writes without a source: use mle"):
        load_corpus(task, OracleData())
    for data, pairs in (
        (task, PairData(prompt_words=2)),
        (TextData("catworld:answer", column="source"), PairData()),
    ):
        with pytest.raises(UsageError, match="has its own sources: leave --sources"):
            load_corpus(data, OracleData(), pairs)
    with pytest.raises(UsageError, match=r"unknown task of the cat world 'answers'\. Did you mean"):
        load_corpus(TextData("catworld:answers"), OracleData(), PairData())
    with pytest.raises(UsageError, match=r"unknown part of catworld 'x'\. Allowed: answer"):
        load_text(TextData("catworld:x"))


def test_evaluate_tells_whether_answers_are_faithful(corpus, tmp_path):
    torch.manual_seed(0)
    ids = corpus.tokenizer
    generator = build_generator(
        GeneratorChoice(lstm=LSTMConfig(4, 4)),
        ids.vocabulary_size,
        corpus.length,
        bos=1,
        eos=2,
        pad=0,
        given=corpus.given,
    )
    save_text_model(tmp_path / "model", generator, ids)
    config = {"config": {"data": {"text": "catworld:translate"}}, "versions": {"seqgan_kit": "0"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    record = evaluate_run(tmp_path, EvaluationSettings(sample=12), GivenText(), lambda text: None)
    keys = [column["key"] for column in record["columns"]]
    assert keys[:2] == ["validity", "faithfulness"]
    of_references = record["rows"][-1]["values"]
    assert of_references["validity"] == of_references["faithfulness"] == 1
    assert record["rows"][0]["values"]["faithfulness"] < 0.5
