"""Professor forcing: hidden states of free running with a gradient, its losses in closed form, its gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Move, Phase, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.methods import professor_forcing
from seqgan_kit.methods.professor_forcing import ProfessorForcing, ProfessorForcingMethod
from seqgan_kit.sequences.discriminators.state_reader import (
    StateReader,
    StateReaderConfig,
    behaviour,
)
from seqgan_kit.sequences.generators.generator_choice import (
    GENERATORS,
    GeneratorChoice,
    build_generator,
)

ROWS = torch.tensor([[5, 3, 4, 2, 0], [6, 2, 0, 0, 0], [4, 3, 4, 5, 6], [3, 3, 3, 3, 3]])
OPEN = ProfessorForcingMethod(least_accuracy=0.0)


def game_of(generator: Any, method: ProfessorForcingMethod = OPEN) -> ProfessorForcing:
    trunk = StateReader(StateReaderConfig(hidden=3, width=4), generator.output.in_features)
    return professor_forcing.build(generator, Discriminator(trunk, 4), method)


def with_scores(game: ProfessorForcing, *, taught: float, free: float) -> list[Tensor]:
    """Makes D give one score to data and another to samples; what it read."""
    read: list[Tensor] = []

    def scores(both: Tensor) -> Any:
        read.append(both)
        half = len(both) // 2
        base = 0 * both.sum((1, 2))
        values = torch.tensor([taught] * half + [free] * half)
        return type("Verdict", (), {"score": base + values})

    game.discriminator.forward = scores  # type: ignore[method-assign,assignment]
    return read


@pytest.mark.parametrize("name", sorted(GENERATORS.keys() - {"hf"}))
def test_states_of_a_sample_are_those_of_the_sampler(name: str, rng):
    """One pass over the sampled rows gives the states from which the stepping sampler drew each token.

    hf is left out, since it is read from a folder.
    """
    if name not in GeneratorChoice.__dataclass_fields__:
        pytest.skip("built by its own method")
    choice = GeneratorChoice(name)  # type: ignore[arg-type]
    generator = build_generator(choice, 7, 5, bos=1, eos=2, pad=0, given=2, rng=rng).eval()
    rows = generator.sample(6, rng=rng, given=torch.full((6, 2), 4))
    stepper = generator.stepper()
    states = stepper.rows(rows[:, :2])
    inputs = torch.cat([torch.full((6, 1), generator.bos), rows[:, 2:-1]], 1)
    stepped = torch.stack([states.read(column) for column in inputs.t()], 1)
    read = game_of(generator).behaviour(rows)
    mask = generator.token_mask(rows)
    assert torch.equal(read[..., -1], mask.float())
    torch.testing.assert_close(read[..., :-1][mask], stepped[mask], rtol=1e-4, atol=1e-5)
    assert read.requires_grad


def test_the_gradient_of_a_samples_states_is_that_of_the_recurrence(tiny_generator):
    """Against central differences in float64, with the sampled tokens held fixed."""
    generator = tiny_generator().double()
    game = game_of(generator).double()

    def total(_: Tensor) -> Tensor:
        return game.behaviour(ROWS)[..., :-1].pow(2).sum()

    weight = generator.lstm.weight_hh_l0
    exact = torch.autograd.grad(total(weight), weight)[0]
    for place in ((0, 0), (5, 2), (11, 3)):
        step, both = 1e-5, []
        for sign in (1, -1):
            with torch.no_grad():
                weight[place] += sign * step
                both.append(total(weight).item())
                weight[place] -= sign * step
        assert exact[place].item() == pytest.approx((both[0] - both[1]) / (2 * step), rel=1e-5)


@pytest.mark.parametrize("match_teacher", [False, True])
def test_the_generators_loss_is_the_papers_sum(match_teacher, tiny_generator, move):
    """NLL + softplus(-s_free) (+ softplus(s_taught)), each the mean over the batch."""
    game = game_of(tiny_generator(), replace(OPEN, match_teacher=match_teacher))
    with_scores(game, taught=0.7, free=-0.4)
    nll = -game.generator.sequence_log_prob(ROWS).mean()
    wanted = nll + F.softplus(torch.tensor(0.4))
    if match_teacher:
        wanted = wanted + F.softplus(torch.tensor(0.7))
    torch.testing.assert_close(game.generator_loss({"real": ROWS}, move).total, wanted)


def test_the_discriminators_loss_is_cross_entropy(tiny_generator, move):
    game = game_of(tiny_generator())
    read = with_scores(game, taught=0.7, free=-0.4)
    loss = game.discriminator_loss({"real": ROWS}, move)
    wanted = F.softplus(torch.tensor(-0.7)) + F.softplus(torch.tensor(-0.4))
    torch.testing.assert_close(loss.total, wanted)
    torch.testing.assert_close(read[0][: len(ROWS)], game.behaviour(ROWS))


@pytest.mark.parametrize(
    ("free", "accuracy", "counts", "learns"), [(0.4, 0.5, False, True), (-0.4, 1.0, True, False)]
)
def test_the_gates_follow_the_accuracy(free, accuracy, counts, learns, tiny_generator, move):
    """At 50 % G learns by likelihood alone; at 100 % D is not updated."""
    method = ProfessorForcingMethod(adversarial_weight=100.0)
    game = game_of(tiny_generator(), method)
    with_scores(game, taught=0.7, free=free)
    batch = {"real": ROWS}
    judged = game.discriminator_loss(batch, move)
    assert (float(judged.logs["discriminator_accuracy"]), judged.learns) == (accuracy, learns)
    loss = game.generator_loss(batch, move)
    nll = -game.generator.sequence_log_prob(ROWS).mean()
    assert (abs(loss.total - nll) > 10) == counts
    assert loss.logs["match_counts"] == counts


def test_only_the_paths_of_the_loss_carry_a_gradient(tiny_generator, move):
    """C_f reaches the states of the sample and not those of the data; C_t reaches both."""
    for match_teacher, wanted in ((False, [False, True]), (True, [True, True])):
        game = game_of(tiny_generator(), replace(OPEN, match_teacher=match_teacher))
        made: list[Tensor] = []
        right = game.behaviour

        def spy(rows: Tensor, right: Callable = right, made: list = made) -> Tensor:
            made.append(right(rows))
            return made[-1]

        game.behaviour = spy  # type: ignore[method-assign]
        game.generator_loss({"real": ROWS}, move)
        free, taught = made
        assert [taught.requires_grad, free.requires_grad] == wanted


def test_padding_has_no_influence_on_the_reader(rng):
    reader = StateReader(StateReaderConfig(hidden=3, width=4), 2).eval()
    states = torch.randn(2, 6, 2, generator=rng)
    mask = torch.tensor([[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0]]).bool()
    features = reader(behaviour(states, mask))
    torch.testing.assert_close(features[:1], reader(behaviour(states[:1, :3], mask[:1, :3])))
    backwards = reader(behaviour(states.flip(1), mask.flip(1)))
    assert not torch.allclose(features, backwards)


@pytest.mark.parametrize("learns", [True, False])
def test_an_update_that_does_not_learn_leaves_player_and_optimizer(learns, tiny_generator, new_run):
    """Adam with momentum would go on moving with a gradient of 0."""
    game = game_of(tiny_generator(), replace(OPEN, most_accuracy=0.999 if learns else 0.0))
    turn = Turn(("discriminator",), loss="discriminator_loss", optimizer=Optimizer(1e-3))
    feed = TensorFeed({"real": ROWS}, 4, seed=0)
    trainer = Trainer(new_run(), game, (Phase("one", (turn,), 3),), feed)
    before = [p.clone() for p in game.discriminator.parameters()]
    trainer.fit()
    moved = [
        not torch.equal(a, b) for a, b in zip(before, game.discriminator.parameters(), strict=True)
    ]
    assert any(moved) == learns
    assert trainer.state.stepper.state_dict()["moves"] == [3 if learns else 0]
    assert trainer.state.cursor.total_moves == 3


def test_without_weight_it_is_maximum_likelihood(tiny_generator, move):
    game = game_of(tiny_generator(), replace(OPEN, adversarial_weight=0.0))
    game.discriminator.forward = None  # type: ignore[method-assign,assignment]
    loss = game.generator_loss({"real": ROWS}, move).total
    torch.testing.assert_close(loss, -game.generator.sequence_log_prob(ROWS).mean())


def test_samples_are_written_after_the_batchs_conditions(tiny_generator):
    generator = tiny_generator(given=2)
    rows = torch.cat([torch.tensor([[3, 4], [5, 6], [4, 4], [6, 3]]), ROWS], 1)
    move = Move("professor-forcing", 0, 1, torch.Generator().manual_seed(0))
    drawn = game_of(generator).draw(4, {"real": rows}, move.rng)
    assert torch.equal(drawn[:, :2], rows[:, :2])
