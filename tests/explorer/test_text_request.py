"""Lines on request: samples, beginnings, sources and beams."""

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.explorer.text_request import TextRequest, requested_rows, source_notes
from seqgan_kit.sequences.sampling.beam_search import beam_search


def lines_of(model, rows):
    return [model.tokenizer.decode(row) for row in model.generator.written(rows).tolist()]


def test_the_samples_of_a_seed_are_those_of_the_command(text_run):
    with text_run.model() as model:
        asked = TextRequest(lines=6, seed=3, temperature=0.7, top_k=4)
        expected = model.sample(6, seed=3, temperature=0.7, top_k=4)
        assert lines_of(model, requested_rows(model, asked)) == expected
        assert lines_of(model, requested_rows(model, TextRequest(6, 4))) != expected


def test_every_line_begins_with_the_prompt_and_follows_the_model(text_run):
    with text_run.model() as model:
        rows = requested_rows(model, TextRequest(lines=9, prompt="a cat"))
        assert rows.shape == (9, 5)
        assert {line[:5] for line in lines_of(model, rows)} == {"a cat"}
        greedy = requested_rows(model, TextRequest(lines=2, prompt="a cat", top_k=1))
        next_token = model.generator.logits(greedy)[0, 2].argmax()
        assert greedy[:, 2].tolist() == [next_token] * 2


def test_cold_continuations_are_the_likeliest_tokens(text_run):
    with text_run.model() as model:
        cold = requested_rows(model, TextRequest(lines=5, prompt="cat", temperature=1e-4))
        best = requested_rows(model, TextRequest(lines=5, prompt="cat", top_k=1))
        assert torch.equal(cold, best)


def test_a_beam_gives_the_best_lines(text_run):
    with text_run.model() as model:
        found = beam_search(model.generator, torch.empty(1, 0, dtype=torch.int64), 4,
                            length_penalty=1.0, n_best=3)  # fmt: skip
        assert torch.equal(requested_rows(model, TextRequest(lines=3, beam=4)), found.rows[0])


def test_a_source_is_read_and_its_losses_are_told(pair_run):
    with pair_run.model() as model:
        rows = requested_rows(model, TextRequest(lines=2, source="a cat ran", prompt="sat"))
        assert rows[:, :3].tolist() == [model.tokenizer.encode("a cat ran")] * 2
        assert {line.split()[0] for line in lines_of(model, rows)} == {"sat"}
        assert source_notes(model, "a cat ran") == []
        unknown, long = source_notes(model, "a dog sat a cat")
        assert unknown == "Unknown to the model: dog."
        assert long == "The source has 5 tokens; the model read the last 3 of them."


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (TextRequest(lines=0), "ask for 1 to 32"),
        (TextRequest(prompt="a dog"), "'dog' outside the model's vocabulary"),
        (TextRequest(prompt="a cat a cat a"), "5 tokens and the model writes at most 5"),
        (TextRequest(prompt="cat", beam=8), "leave the prompt out"),
        (TextRequest(lines=8, beam=4), "widen the beam"),
        (TextRequest(temperature=0.0), "must be above 0"),
        (TextRequest(prompt="a" * 5000), "5,000 characters"),
    ],
)
def test_impossible_requests_are_refused_in_a_sentence(text_run, asked, problem):
    with text_run.model() as model, pytest.raises(UsageError, match=problem):
        requested_rows(model, asked)


def test_a_conditional_model_asks_for_its_source(pair_run):
    with pair_run.model() as model, pytest.raises(UsageError, match="writes after a source"):
        requested_rows(model, TextRequest(source="  "))
