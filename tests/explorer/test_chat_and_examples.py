"""Conversations on the page, and test images cut from a run's sheets."""

import pytest
import torch
from explorer_runs import save_text

from image_gans.grids import save_grid
from seqgan_kit.cli.explore.explore_command import opened
from seqgan_kit.core.runs.log import SHEET_COLUMNS, SHEETS
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.conditional.conversation import Conversation
from seqgan_kit.explorer.chat_request import chat_reply, talks
from seqgan_kit.explorer.example_images import example_images
from seqgan_kit.explorer.page.comparing_panel import comparable
from seqgan_kit.explorer.text_request import TextRequest


def test_a_model_that_knows_turns_talks(tmp_path, text_run, pair_run, image_run):
    talking = opened(save_text(tmp_path / "talk", given=9, words=("a", "cat", "|", "sat")))
    for run, expected in (
        (talking, True),
        (pair_run, False),
        (text_run, False),
        (image_run, False),
    ):
        with run.model() as model:
            assert talks(model) is expected


def test_replies_are_those_of_a_conversation_and_its_turns_are_the_visitors(tmp_path):
    run = opened(save_text(tmp_path / "talk", given=9, words=("a", "cat", "|", "sat")))
    request = TextRequest(seed=3)
    with run.model() as model:
        first = chat_reply(model, (), "a cat", request)
        again = chat_reply(model, (), "a cat", request)
        assert first == again
        second = chat_reply(model, first.turns, "a dog", request)
        how = {"beam": None, **request.sampling}
        same = Conversation(model, {**how, "rng": torch.Generator().manual_seed(3)})
        assert (first.text, first.turns) == (same.answer("a cat"), tuple(same.turns))
        same.how = {**how, "rng": torch.Generator().manual_seed(5)}
        assert (second.text, second.turns) == (same.answer("a dog"), tuple(same.turns))
        assert second.notes[1] == "Unknown to it: dog"
        searched = chat_reply(model, (), "a cat", TextRequest(beam=3))
        assert searched.text == Conversation(model, {"beam": 3}).answer("a cat")
        with pytest.raises(UsageError, match="must be above 0"):
            chat_reply(model, (), "a cat", TextRequest(temperature=-1))


@pytest.mark.parametrize("channels", [1, 3])
def test_examples_are_the_images_of_the_sheet(tmp_path, channels, rng):
    pixels = torch.randint(0, 255, (11, channels, 8, 8), generator=rng, dtype=torch.uint8)
    for name, shown in ((SHEETS[0], pixels), (SHEETS[2], 255 - pixels)):
        save_grid(shown, tmp_path / "figures" / name, columns=SHEET_COLUMNS, scale=3)
    for verb, shown in (("translate", pixels), ("rebuild", pixels), ("reverse", 255 - pixels)):
        found = example_images(tmp_path, verb, 8, channels)
        assert torch.equal(((found + 1) * 127.5).round().byte(), shown)
    assert len(example_images(tmp_path, "translate", 7, channels)) == 0
    assert len(example_images(tmp_path / "no", "translate", 8, channels)) == 0


def test_two_runs_of_a_kind_can_be_compared(text_run, pair_run, image_run, vae_run):
    assert comparable([text_run, pair_run])
    assert comparable([text_run, image_run, vae_run])
    assert not comparable([text_run, image_run])
