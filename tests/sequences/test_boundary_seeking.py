"""Boundary seeking on sequences against exact sums over all sequences and all pairs of them."""

from __future__ import annotations

import pytest
import small_worlds as small
import torch
from small_worlds import SmallWorld, build_world, z_scores
from torch import Tensor

from seqgan_kit.core import estimators
from seqgan_kit.core.estimators import BoundarySeeking, RewardKind, importance_weights
from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

GROUPS = 12_000


@pytest.fixture(scope="module", params=small.WORLDS)
def world(request, tiny_generator, table_discriminator) -> SmallWorld:
    torch.manual_seed(0)
    return build_world(request.param, tiny_generator, table_discriminator)


def contributions(
    world: SmallWorld, samples: int, groups: int = GROUPS, reward: RewardKind = "verdict"
) -> Tensor:
    """[G,P]: minus what each of G groups adds to the gradient of the loss, measured from outside."""
    seen: dict[str, Tensor] = {}
    generator = world.generator
    plain = type(generator).draw_groups.__get__(generator)

    def recording(*args: object) -> tuple[Tensor, Tensor]:
        seen["tokens"], seen["log_probs"] = plain(*args)
        return seen["tokens"], seen["log_probs"]

    generator.draw_groups = recording  # type: ignore[method-assign]
    try:
        game = world.game(BoundarySeeking(samples, reward))
        move = Move("adversarial", 0, 1, torch.Generator().manual_seed(1))
        loss = game.generator_loss({"real": torch.zeros(groups, 1)}, move).total
    finally:
        del generator.draw_groups
    slopes = -groups * torch.autograd.grad(loss, seen["log_probs"])[0].double()
    return torch.einsum("gm,gmp->gp", slopes, world.whole_jacobian[world.index(seen["tokens"])])


def pair_expectation(world: SmallWorld) -> Tensor:
    """[P]: E[sum_m w_m grad log g(x_m)] of two draws, by summing over all pairs."""
    g, logits, jacobian = world.probabilities, world.logits, world.whole_jacobian
    share = (logits[:, None] - logits[None, :]).sigmoid()  # w_1 = r_1 / (r_1 + r_2)
    chance = g[:, None] * g[None, :] * share
    return 2 * chance.sum(1) @ jacobian


def test_the_weights_of_the_best_discriminator_turn_g_into_the_data(world):
    """Over all sequences, g r / sum g r = p_data, and -E_g[r grad log g] = grad KL(p_data || g)."""
    g, logits = world.probabilities, world.logits
    torch.testing.assert_close(
        importance_weights(g.log() + logits), world.data, rtol=1e-4, atol=1e-7
    )
    direction = (g * logits.exp()) @ world.whole_jacobian
    torch.testing.assert_close(-direction, world.forward_kl_gradient(), rtol=1e-3, atol=1e-5)


def test_the_mean_estimate_of_pairs_is_the_exact_one(world):
    rows, exact = contributions(world, 2), pair_expectation(world)
    along, each = z_scores(rows, exact)
    assert along < 4
    assert each < 5
    # The test has teeth: the exact value lies many standard errors from zero.
    assert (rows @ (exact / exact.norm())).std() / GROUPS**0.5 < exact.norm() / 10


@pytest.mark.parametrize(
    "broken",
    [
        lambda logits: importance_weights(logits, dim=0) * len(logits) / 2,
        lambda logits: importance_weights(logits.sigmoid()),
        lambda logits: importance_weights(-logits),
        lambda logits: logits.sigmoid() / logits.sigmoid().sum(1, keepdim=True),
    ],
    ids=["over the conditions", "of probabilities", "upside down", "D in place of its odds"],
)
def test_wrong_weights_are_found_out(world, broken, monkeypatch):
    monkeypatch.setattr(estimators, "importance_weights", broken)
    along, each = z_scores(contributions(world, 2), pair_expectation(world))
    assert max(along, each) > 6


def test_the_bias_shrinks_as_samples_grow(world):
    """Towards the exact gradient of KL(p_data || g); with two samples the step is far too short."""
    truth = -world.forward_kl_gradient()
    miss = {}
    for samples in (2, 16, 128):
        mean = contributions(world, samples, groups=2000).mean(0)
        miss[samples] = ((mean - truth).norm() / truth.norm()).item()
    assert miss[16] < 0.7 * miss[2]
    assert miss[128] < 0.6 * miss[16]
    assert miss[128] < 0.3


def test_groups_of_a_generator_are_rows_of_its_own(tiny_generator, rng):
    generator = tiny_generator()
    samples, log_probs = generator.draw_groups(4, 3, rng)
    assert samples.shape == (4, 3, 5)
    torch.testing.assert_close(
        generator.sequence_log_prob(samples.flatten(0, 1)), log_probs.flatten()
    )
    assert log_probs.requires_grad
    assert len(samples.flatten(0, 1).unique(dim=0)) > 3, "no two groups or rows share their draws"


def test_dropout_is_off_while_the_generator_learns(tiny_text_discriminator):
    """The log-probabilities that are weighted are those of the policy that sampled."""
    config = LSTMConfig(embedding=8, hidden=8, layers=2, dropout=0.5)
    generator = LSTMGenerator(config, 7, 5, bos=1, eos=2, pad=0).train()
    game = small.AdversarialGame(
        generator, tiny_text_discriminator(), small.non_saturating(), BoundarySeeking(4)
    )
    totals = [
        game.generator_loss(
            {"real": torch.zeros(6, 5)},
            Move("adversarial", 0, 1, torch.Generator().manual_seed(3)),
        ).total
        for _ in range(2)
    ]
    assert torch.equal(*totals)


@pytest.mark.parametrize("reward", ["constant", "random"])
def test_controls_have_no_direction_and_ask_no_discriminator(world, reward, monkeypatch):
    """Weights that know nothing of the sample: E[sum_m w_m grad log g(x_m)] = E[grad log g] = 0."""
    monkeypatch.setattr(world.discriminator, "forward", None)
    drawn = contributions(world, 4, reward=reward)
    spread = (drawn.std(0) / len(drawn) ** 0.5).clamp(min=1e-8)
    assert (drawn.mean(0) / spread).abs().max() < 5
    assert drawn.abs().max() > 0.1


def test_unknown_rewards_are_refused():
    with pytest.raises(UsageError, match=r"unknown reward 'constan'. Did you mean 'constant'\?"):
        BoundarySeeking(reward="constan")
