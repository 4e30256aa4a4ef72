"""Exact numbers of the captions against enumeration by code that shares nothing but the slots.

In small sub-cases (fewer slots, few wordings, few values an attribute) every scene and every way of
telling it can be listed:  P(caption) = sum over scenes of P(scene) P(caption | scene).
"""

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from narrow_laws import NARROW, ODD_EYES, PAIRS, only, scenes_of, tellings

from seqgan_kit.data.catworld import CatWorld, SceneLaw
from seqgan_kit.data.catworld.captions import lexicon, marginal
from seqgan_kit.data.catworld.captions.automaton import Automaton, determinise
from seqgan_kit.data.catworld.captions.grammar import Slot, facts_of
from seqgan_kit.data.catworld.captions.marginal import Arc, Network, build_network
from seqgan_kit.data.catworld.captions.programs import PROGRAMS

ALWAYS = {"determiner", "number", "coat", "noun", "nouns", "verb kind", "verb form", "verb"}
SUB_CASES = {
    "places and eye colours": (ODD_EYES, {"opener", "eye colour", "place", "coda", "stop"}),
    "clauses": (
        PAIRS,
        {"character", "pattern", "accessory", "mood", "first accessory", "second mood", "stop"},
    ),
    "colours twice": (PAIRS, {"opener", "size", "ears", "eye colour", "coda", "stop"}),
}
Truth = tuple[Automaton, dict[str, float]]


@pytest.fixture(scope="module", params=SUB_CASES)
def sub_case(request: pytest.FixtureRequest) -> Truth:
    """A compiled sub-case, and its truth by enumeration."""
    law, extra = SUB_CASES[request.param]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in vars(lexicon).items():
            if name.isupper() and isinstance(value, dict) and not name.endswith("FORMS"):
                patch.setattr(lexicon, name, _wordings(value, 2 if name == "COAT_WORDS" else 1))
        nouns = {"small": {"cat": 2.0, "kitten": 1.0}, "medium": {"cat": 3.0, "tomcat": 1.0}}
        patch.setattr(lexicon, "NOUNS", nouns | {"large": {"cat": 1.0}})
        # Copies: what the full grammar's slots have been seen to say is remembered with them.
        programs = {
            name: tuple(replace(slot) for slot in program if slot.name in ALWAYS | extra)
            for name, program in PROGRAMS.items()
        }
        patch.setattr(marginal, "PROGRAMS", programs)
        return determinise(build_network(law)), _truth(law, programs)


def _wordings(table: dict[str, object], kept: int) -> dict[str, object]:
    if all(isinstance(value, dict) for value in table.values()):
        return {key: _wordings(value, kept) for key, value in table.items()}  # type: ignore[arg-type]
    return dict(list(table.items())[:kept])


def _truth(law: SceneLaw, programs: dict[str, tuple[Slot, ...]]) -> dict[str, float]:
    truth: dict[str, float] = defaultdict(float)
    known: dict[tuple[str, ...], dict[str, float]] = {}
    for scene, p in scenes_of(law):
        program = programs["one" if len(scene.cats) == 1 else "many"]
        facts = facts_of(scene)
        asked = sorted({fact for slot in program for fact in slot.asks})
        key = (facts["cats"], *(facts[fact] for fact in asked))
        if key not in known:  # scenes that differ only in what no slot asks for are told alike
            known[key] = tellings(program, scene)
        for caption, q in known[key].items():
            truth[caption] += p * q
    return {caption: p for caption, p in truth.items() if p > 0}


def test_every_probability_equals_the_sum_over_scenes_and_tellings(sub_case: Truth) -> None:
    automaton, truth = sub_case
    assert math.fsum(truth.values()) == pytest.approx(1, abs=1e-10)
    assert len(truth) > 500
    found = np.array([automaton.log_prob(caption.split()) for caption in truth])
    np.testing.assert_allclose(found, np.log(list(truth.values())), atol=1e-8)


def test_support_entropy_lengths_and_head_equal_the_enumeration(sub_case: Truth) -> None:
    automaton, truth = sub_case
    p = np.array(list(truth.values()))
    assert automaton.support_size() == len(truth)
    assert automaton.entropy() == pytest.approx(-(p * np.log(p)).sum(), abs=1e-8)
    sizes = [len(caption.split()) for caption in truth]
    assert automaton.lengths() == (min(sizes), max(sizes))
    head = automaton.head(100)
    best = sorted(truth.values(), reverse=True)[:100]
    np.testing.assert_allclose([lp for _, lp in head], np.log(best), atol=1e-8)
    assert len({caption for caption, _ in head}) == 100
    assert automaton.ambiguities == 0


@pytest.mark.parametrize(
    "law",
    [
        replace(ODD_EYES, coat=only(6, 2), background=only(6, 1), accessory=only(6, 4)),
        replace(NARROW, cats=(0.0, 1.0, 0.0), coat=only(6, 2)),
    ],
    ids=["one cat", "two cats"],
)
def test_the_full_grammar_on_a_narrow_law(law: SceneLaw) -> None:
    """All slots and words; scenes enumerated, each caption followed forwards in each of them."""
    world = CatWorld(law)
    scenes = list(scenes_of(law))
    assert math.fsum(p for _, p in scenes) == pytest.approx(1)
    for caption in world.sample_many(4, np.random.default_rng(5)):
        total = math.fsum(p * world.probability_given(caption, scene) for scene, p in scenes)
        assert world.log_prob(caption) == pytest.approx(math.log(total), abs=1e-9)


def _network(*arcs: tuple[int, float, str, int], final: int) -> Network:
    nodes: list[list[Arc]] = [[] for _ in range(final + 1)]
    for node, weight, text, target in arcs:
        nodes[node].append(Arc(weight, tuple(text.split()), target, ()))
    return Network(nodes, final)


def test_shared_beginnings_become_one_path() -> None:
    network = _network(
        (0, 0.5, "in a house", 1), (0, 0.3, "in a tree", 1), (0, 0.2, "", 1), (1, 1, ".", 2),
        final=2,
    )  # fmt: skip
    automaton = determinise(network)
    assert automaton.ambiguities == 0
    assert automaton.support_size() == 3
    assert automaton.log_prob(["in", "a", "tree", "."]) == pytest.approx(math.log(0.3))
    assert math.exp(automaton.arcs[0]["in"][1]) == pytest.approx(0.8)
    assert automaton.log_prob(["in", "a"]) == -math.inf


def test_the_article_waits_for_its_word() -> None:
    network = _network((0, 1, "A", 1), (1, 0.4, "", 2), (1, 0.6, "old", 2), (2, 1, "cat .", 3),
                       final=3)  # fmt: skip
    automaton = determinise(network)
    assert automaton.head(9) == [
        ("an old cat .", pytest.approx(math.log(0.6))),
        ("a cat .", pytest.approx(math.log(0.4))),
    ]


def test_an_ambiguous_grammar_is_found_out() -> None:
    network = _network((0, 0.5, "the cat", 1), (0, 0.25, "the", 2), (0, 0.25, "", 2),
                       (2, 0.5, "cat", 1), (2, 0.5, "dog", 1), (1, 1, ".", 3), final=3)  # fmt: skip
    automaton = determinise(network)
    assert automaton.ambiguities == 1
    assert automaton.log_prob(["the", "cat", "."]) == pytest.approx(math.log(0.5 + 0.125))
