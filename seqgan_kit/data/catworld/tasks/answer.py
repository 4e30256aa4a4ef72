"""Question -> answer: a caption and a question about its scene, and an answer that may hedge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from seqgan_kit.data.catworld.captions.grammar import Context, facts_of, spread
from seqgan_kit.data.catworld.captions.lexicon import Wordings
from seqgan_kit.data.catworld.captions.telling import told, told_caption
from seqgan_kit.data.catworld.scenes.beliefs import prior_beliefs
from seqgan_kit.data.catworld.tasks import answer_words as words
from seqgan_kit.data.catworld.tasks.answers import FACTS, PROGRAMS, answer_context
from seqgan_kit.data.catworld.tasks.caption_readings import caption_readings
from seqgan_kit.data.catworld.tasks.following import Start
from seqgan_kit.data.catworld.tasks.world_task import Task

_ASKED_BY = {
    words.about(wording, pron): (question, pron)
    for question, wordings in words.QUESTIONS.items()
    for wording, pron in product(wordings, words.PRONOUNS)
}
"""Question -> (what it asks, the pronoun); questions about the number have no pronoun, see ``_asked``."""


@dataclass(frozen=True)
class Answer(Task):
    """Answers to a question about a caption.

    The answer is about the scene. If the caption names what is asked, the answer says it. If not, it
    declines, or it hedges and guesses as the scene is, which is a draw from the posterior given the caption.
    """

    name: ClassVar[str] = "answer"
    about: ClassVar[str] = "an answer from a caption and a question"

    def pair(self, rng: np.random.Generator) -> tuple[str, str]:
        """Draw a scene, a caption, a question, and the answer."""
        scene = self.law.sample(rng)
        caption = told_caption(scene, rng)
        pron, count = _pronoun(caption.context), str(len(scene.cats))
        question = _drawn(words.ASKED["one" if count == "1" else "many"], rng)
        asked = words.about(_drawn(words.QUESTIONS[question], rng), pron)
        known = question == "cats" or question in caption.names
        context = answer_context(pron, count, known)
        answer = told(PROGRAMS[question], context, facts_of(scene), rng)
        return " ".join([*caption.words, asked]), " ".join(answer.words)

    def starts(self, source: str) -> Sequence[Start]:
        """Return one start for each derivation of the caption."""
        caption, _, asked = source.partition(" . ")
        return [
            Start(
                reading.probability,
                PROGRAMS[question],
                answer_context(
                    _pronoun(reading.context),
                    reading.context["count"],
                    question == "cats" or question in reading.names,
                ),
                reading.beliefs,
            )
            for reading in caption_readings(f"{caption} .", self.law, FACTS)
            if (question := _asked(asked, reading.context))
        ]

    def any_starts(self) -> Sequence[Start]:
        """Return the starts of all questions, about nothing that is known."""
        weight = 1.0  # Only whether a sentence has a derivation is asked of these.
        return [
            Start(weight, PROGRAMS[question], answer_context(pron, str(count), told), beliefs)
            for count in range(1, len(self.law.cats) + 1)
            for beliefs in [tuple(prior_beliefs(self.law, count))]
            for question in words.ASKED["one" if count == 1 else "many"]
            for pron in (("it", "he", "she") if count == 1 else ("they",))
            for told in ((True,) if question == "cats" else (True, False))
        ]


def _pronoun(context: Context) -> str:
    return context["pron"] if context["count"] == "1" else "they"


def _asked(text: str, context: Context) -> str | None:
    """Return what the text asks about the cats of a caption; None for no question about them."""
    question, pron = _ASKED_BY.get(text, (None, ""))
    if question not in words.ASKED["one" if context["count"] == "1" else "many"]:
        return None
    return question if question == "cats" or pron == _pronoun(context) else None


def _drawn(wordings: Wordings, rng: np.random.Generator) -> str:
    names, weights = zip(*spread(wordings), strict=True)
    at = int(np.searchsorted(np.cumsum(weights), rng.random(), "right"))
    return str(names[min(at, len(names) - 1)])
