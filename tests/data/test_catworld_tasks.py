"""The tasks of the cat world: exact probabilities, samples, and the parser, each against something else."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from narrow_laws import NARROW, ODD_EYES, only, scenes_of, tellings

from seqgan_kit.data.catworld import CatWorld, SceneLaw
from seqgan_kit.data.catworld.captions import programs
from seqgan_kit.data.catworld.captions.grammar import facts_of
from seqgan_kit.data.catworld.captions.telling import told, told_caption
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES
from seqgan_kit.data.catworld.tasks import describe
from seqgan_kit.data.catworld.tasks.answer import Answer
from seqgan_kit.data.catworld.tasks.answers import PROGRAMS as ANSWERS
from seqgan_kit.data.catworld.tasks.answers import answer_context
from seqgan_kit.data.catworld.tasks.caption_readings import prior_starts
from seqgan_kit.data.catworld.tasks.describe import Describe
from seqgan_kit.data.catworld.tasks.entail import Entail, relation
from seqgan_kit.data.catworld.tasks.felish import felish_context, program_of
from seqgan_kit.data.catworld.tasks.felish_words import ENDINGS, NOUN_FORMS
from seqgan_kit.data.catworld.tasks.following import log_prob, read
from seqgan_kit.data.catworld.tasks.task_choice import TASKS, task_of
from seqgan_kit.data.catworld.tasks.translate import Translate
from seqgan_kit.data.catworld.tasks.world_task import Task
from seqgan_kit.errors import DataError, UsageError

ONE_CAT = replace(ODD_EYES, coat=only(6, 0, 2), background=only(6, 1), accessory=only(6, 0, 4))
LAWS = {"one cat": ONE_CAT, "two cats": replace(NARROW, cats=(0.0, 1.0, 0.0))}
SOURCES = {
    "translate": [
        "a black cat with green eyes is sitting on the sofa .",
        "by the window two small cream cats are sleeping .",
        "a grumpy tabby cat naps , wearing a hat .",
    ],
    "answer": [
        "a white cat is sitting . where is it ?",
        "here is a big she-cat dreaming . is she asleep ?",
        "three cats are lying at night . how many cats do you see ?",
        "a tomcat sits . what is he wearing ?",
    ],
}
MANY = 5  # standard deviations of chi-square that a right sampler exceeds once in a million


def chi_square(draws: list[str], truth: dict[str, float]) -> float:
    """Pearson's chi-square of draws, in standard deviations above its mean; rare outcomes are pooled."""
    counts = Counter(draws)
    assert counts.keys() <= truth.keys()
    common = [x for x, p in truth.items() if p * len(draws) >= 5]
    cells = [(counts[x], truth[x] * len(draws)) for x in common]
    rest = len(draws) - sum(n for n, _ in cells), len(draws) - sum(e for _, e in cells)
    cells += [rest] if rest[1] >= 5 else []
    total = sum((n - e) ** 2 / e for n, e in cells)
    return (total - (len(cells) - 1)) / math.sqrt(2 * (len(cells) - 1))


def test_reading_a_caption_gives_its_probability() -> None:
    world = CatWorld()
    starts = prior_starts(world.law)
    for caption in world.sample_many(20, np.random.default_rng(0)):
        assert log_prob(caption, starts) == pytest.approx(world.log_prob(caption), abs=1e-9)
        assert len(read(caption, starts).found) == 1


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_translation_has_the_probability_that_sums_over_scenes(law: SceneLaw) -> None:
    """P(t | s) = sum P(scene) P(s | scene) P(t | scene) / sum P(scene) P(s | scene)."""
    world, task, rng = CatWorld(law), Translate(law), np.random.default_rng(1)
    scenes = list(scenes_of(law))
    for source, target in (task.pair(rng) for _ in range(4)):
        joint = [(p * world.probability_given(source, scene), scene) for scene, p in scenes]
        wanted = math.fsum(
            p * tellings(program_of(n), scene, felish_context(n)).get(target, 0.0)
            for p, scene in joint
            if p > 0 and (n := str(len(scene.cats)))
        )
        total = math.fsum(p for p, _ in joint)
        assert math.exp(task.log_prob(target, source)) == pytest.approx(wanted / total, rel=1e-9)


@pytest.mark.parametrize("question", ["coat", "eyes", "accessory", "expression"])
def test_an_answer_has_the_probability_that_sums_over_scenes(question: str) -> None:
    world, task = CatWorld(ONE_CAT), Answer(ONE_CAT)
    asked = {
        "coat": "what colour is it ?",
        "eyes": "is it asleep ?",
        "accessory": "what is it wearing ?",
        "expression": "how does it look ?",
    }
    for caption in ("a cat is dozing .", "a quiet black cat winks , wearing glasses ."):
        names = world.parse(caption).attributes
        joint = [(p * world.probability_given(caption, s), s) for s, p in scenes_of(ONE_CAT)]
        context = answer_context("it", "1", question in names)
        truth: Counter[str] = Counter()
        for p, scene in joint:
            for answer, q in tellings(ANSWERS[question], scene, context).items() if p else ():
                truth[answer] += p * q
        total = sum(p for p, _ in joint)
        found = task.targets(f"{caption} {asked[question]}")
        assert found == pytest.approx({a: p / total for a, p in truth.items() if p}, rel=1e-9)


def test_a_description_sums_over_the_cats_that_have_no_labels() -> None:
    law = replace(LAWS["two cats"], expression_given_eyes=(only(4, 0, 2),) * 3)
    world, task, rng = CatWorld(law), Describe(law), np.random.default_rng(3)
    scenes = list(scenes_of(law))
    for _ in range(12):
        source, caption = task.pair(rng)
        same = [(p, s) for s, p in scenes if _labels(s) == source]
        wanted = sum(p * world.probability_given(caption, s) for p, s in same)
        total = sum(p for p, _ in same)
        assert math.exp(task.log_prob(caption, source)) == pytest.approx(wanted / total, rel=1e-9)
    one = Describe()
    scene, caption = CatWorld().sample_pair(np.random.default_rng(8))
    assert len(scene.cats) == 1
    given = CatWorld().probability_given(caption, scene)
    assert math.exp(one.log_prob(caption, _labels(scene))) == pytest.approx(given)


def _labels(scene) -> str:  # type: ignore[no-untyped-def]
    return " ".join(LABEL_NAMES[name][i] for name, i in scene.labels().items())


@pytest.mark.parametrize("name", SOURCES)
def test_the_targets_of_a_source_sum_to_one(name: str) -> None:
    task = TASKS[name]
    for source in SOURCES[name]:
        targets = task.targets(source)
        assert math.fsum(targets.values()) == pytest.approx(1, abs=1e-12)
        for target in list(targets)[:20]:
            assert task.log_prob(target, source) == pytest.approx(math.log(targets[target]))
            assert task.is_target(target)


def test_the_captions_of_a_scene_sum_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"determiner", "coat", "noun", "verb kind", "verb form", "verb", "stop"}
    few = tuple(slot for slot in programs.PROGRAMS["one"] if slot.name in kept)
    monkeypatch.setattr(describe, "PROGRAMS", {"one": few})
    source, _ = Describe(LAWS["one cat"]).pair(np.random.default_rng(0))
    targets = Describe().targets(source)
    assert len(targets) > 300
    assert math.fsum(targets.values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", SOURCES)
def test_samples_of_a_source_have_its_frequencies(name: str) -> None:
    task, rng = TASKS[name], np.random.default_rng(5)
    for source in SOURCES[name][:2]:
        draws = [task.sample(source, rng) for _ in range(800)]
        assert abs(chi_square(draws, task.targets(source))) < MANY


def test_pairs_of_one_scene_have_the_frequencies_of_its_targets() -> None:
    """With one possible scene, the target does not depend on the source."""
    sure = SceneLaw(
        cats=only(3, 0),
        coat=only(6, 2),
        pattern_given_coat=(only(4, 1),) * 6,
        ears=only(3, 0),
        eye_given_coat=(only(4, 1),) * 6,
        odd_eyes_given_coat=(0.0,) * 6,
        eyes=only(3, 0),
        expression_given_eyes=(only(4, 2),) * 3,
        accessory=only(6, 3),
        background=only(6, 1),
        tilt=only(3, 1),
        size=only(3, 2),
    )
    task, rng = Translate(sure), np.random.default_rng(6)
    pairs = [task.pair(rng) for _ in range(3000)]
    assert abs(chi_square([target for _, target in pairs], task.targets(pairs[0][0]))) < MANY


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_pairs_are_possible_and_their_targets_parse(task: Task) -> None:
    rng = np.random.default_rng(7)
    pairs = [task.pair(rng) for _ in range(25)]
    assert np.isfinite(task.log_prob_many(*zip(*((t, s) for s, t in pairs), strict=True))).all()
    assert all(task.parse(target).valid for _, target in pairs)


def test_the_parser_inverts_felish() -> None:
    task, rng = Translate(), np.random.default_rng(9)
    for _ in range(150):
        scene = task.law.sample(rng)
        n = str(len(scene.cats))
        said = told(program_of(n), felish_context(n), facts_of(scene), rng)
        parsed = task.parse(" ".join(said.words))
        assert parsed.attributes == said.names
        for name, value in said.names.items():
            assert facts_of(scene)[name] == value or n != "1"


def test_answers_say_what_the_caption_says() -> None:
    task, rng = Answer(), np.random.default_rng(10)
    for _ in range(60):
        scene = task.law.sample(rng)
        caption = told_caption(scene, rng)
        if "coat" in caption.names and len(scene.cats) == 1:
            source = " ".join([*caption.words, f"what colour is {caption.context['pron']} ?"])
            parsed = {task.parse(x).attributes["coat"] for x in task.targets(source)}
            assert parsed == {caption.names["coat"]}


def test_felish_agrees_in_gender_and_number() -> None:
    plurals = {plural: (gender, 1) for plural, gender in NOUN_FORMS.values()}
    nouns = {noun: (gender, 0) for noun, (_, gender) in NOUN_FORMS.items()} | plurals
    task, rng, seen = Translate(), np.random.default_rng(11), set()
    for target in (task.pair(rng)[1] for _ in range(400)):
        words = target.split()
        at = next(i for i, word in enumerate(words) if word in nouns)
        gender, many = nouns[words[at]]
        ending = ENDINGS[gender][many]
        seen.add((gender, many))
        assert words[at - 2].endswith(("it", "un")[many])
        adjectives = [w for w in words[at + 1 : -1] if w != ","]
        adjectives = [w for w in adjectives if w != "kun" and not w.endswith("u")]
        assert all(word.endswith(ending) for word in [words[at - 1], *adjectives])
        wrong = ENDINGS["feminine" if gender != "feminine" else "neuter"][many]
        for place in (at - 1, at + 1):  # the article or numeral, and the coat
            stem = words[place].removesuffix(ending)
            bad = [*words[:place], stem + wrong, *words[place + 1 :]]
            assert not task.is_target(" ".join(bad))
    assert len(seen) == 6


def test_what_contradicts_the_source_has_no_probability() -> None:
    task = TASKS["translate"]
    source = "a black cat is sleeping on the sofa ."
    assert task.log_prob("sofu na dormit olo muro toro .", source) > -math.inf
    for wrong in (
        "sofu na dormit olo muro belo .",
        "fenu ap dormit olo muro toro .",
        "sofu na vachit olo muro toro .",
        "sofu na dormun dvos muri toros .",
    ):
        assert task.is_target(wrong)
        assert task.log_prob(wrong, source) == -math.inf


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("sofu na sedit ola lisa toro .", "'toro' cannot stand after 'lisa'"),
        ("sofu na sedun ola lisa tora .", "'ola' cannot stand after 'sedun'"),
        ("cat", "'cat' cannot stand at the beginning"),
        ("sofu na sedit", "the sentence ends too early, after 'sedit'"),
        ("sofu na sedit ola lisa tora . .", "'.' cannot stand after '.'"),
    ],
)
def test_the_parser_says_what_is_wrong(sentence: str, reason: str) -> None:
    assert TASKS["translate"].parse(sentence).reason == reason


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("translate", "two cats is sitting ."),
        ("answer", "a cat is sitting ."),
        ("answer", "a cat is sitting . what colour are they ?"),
        ("answer", "two cats are sitting . what are they wearing ?"),
        ("describe", "black plain"),
        ("describe", "black plain pointed blue amber shut surprised hat night left small one"),
    ],
)
def test_a_wrong_source_is_refused(name: str, source: str) -> None:
    with pytest.raises(DataError, match=f"is no source of the task '{name}' of the cat world"):
        TASKS[name].log_prob("x .", source)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_label_is_what_all_scenes_say(law: SceneLaw) -> None:
    """Premises and hypotheses from every scene of a narrow law, and their truth in each."""
    world, task, rng = CatWorld(law), Entail(law), np.random.default_rng(2)
    scenes, seen = [scene for scene, _ in scenes_of(law)], Counter()
    pairs = [task.pair(rng) for _ in range(9)]
    for source, label in pairs:
        premise, hypothesis = source.split(" | ")
        given = [s for s in scenes if world.probability_given(premise, s) > 0]
        true = [world.probability_given(hypothesis, s) > 0 for s in given]
        wanted = "follows" if all(true) else "neither" if any(true) else "contradicts"
        assert label == wanted, source
        assert task.targets(source) == {wanted: 1.0}
        seen[label] += 1
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("premise", "hypothesis", "label"),
    [
        ("a black cat is sitting .", "a cat is sitting .", "follows"),
        ("a kitten is sitting .", "a small cat rests .", "follows"),
        ("a black cat is sleeping .", "a cat is playing .", "contradicts"),
        ("a cat with green eyes is sitting .", "a cat is sleeping .", "contradicts"),
        ("a cat is sitting .", "two cats are sitting .", "contradicts"),
        ("a cat is sitting .", "a black cat is sitting .", "neither"),
        ("a cat is sitting .", "a cats is sitting .", None),
    ],
)
def test_labels_of_captions(premise: str, hypothesis: str, label: str | None) -> None:
    assert relation(premise, hypothesis, SceneLaw()) == label


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"'translat'\. Did you mean 'translate'\? Allowed: answer"
    ):
        task_of("catworld:translat")
