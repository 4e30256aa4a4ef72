"""RelGAN's losses by the names of the authors' code, on every score of D."""

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.methods import relgan
from seqgan_kit.methods.relgan import RelGANMethod
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNN, RelGANCNNConfig
from seqgan_kit.sequences.estimators.gumbel import sample_relaxed
from seqgan_kit.sequences.fine_tuning import FineTuning

BATCH, SCORES = 4, 3


def entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


FORMULAS = {
    "standard": lambda r, f: (entropy(r, 1.0) + entropy(f, 0.0), entropy(f, 1.0)),
    "js": lambda r, f: (entropy(r, 1.0) + entropy(f, 0.0), -entropy(f, 0.0)),
    "kl": lambda r, f: (entropy(r, 1.0) + entropy(f, 0.0), -f.mean()),
    "hinge": lambda r, f: ((1 - r).relu().mean() + (1 + f).relu().mean(), -f.mean()),
    "tv": lambda r, f: ((f.tanh() - r.tanh()).mean(), -f.tanh().mean()),
    "wgan_gp": lambda r, f: (f.mean() - r.mean(), -f.mean()),
    "ls": lambda r, f: (((r - 1).square().mean() + f.square().mean()) / 2, (f - 1).square().mean() / 2),
    "rsgan": lambda r, f: (entropy(r - f, 1.0), entropy(f - r, 1.0)),
}  # fmt: skip


def game_of(tiny_generator, loss):
    torch.manual_seed(3)
    config = RelGANCNNConfig(SCORES, filters=((2, 6), (3, 6)), features=5)
    trunk = RelGANCNN(config, 7, 5, pad=0)
    generator, discriminator = tiny_generator(), Discriminator(trunk, trunk.features)
    training = FineTuning(negatives=0, score_l2=0.0)
    game = relgan.build(generator, discriminator, RelGANMethod(loss=loss), training)
    return game.eval(), {"real": torch.randint(3, 7, (BATCH, 5))}


def move(round_number: int = 2) -> Move:
    return Move("adversarial", round_number, 9, torch.Generator().manual_seed(8))


@pytest.mark.parametrize("loss", FORMULAS)
def test_losses_are_those_of_the_authors_code(tiny_generator, loss):
    """weilinie/RelGAN, get_losses, written with torch's cross-entropy; ls is halved."""
    game, batch = game_of(tiny_generator, loss)
    tau = game.estimator.temperature(move())
    fake = sample_relaxed(game.generator, BATCH, tau, rng=move().rng, feed="argmax")
    real_scores, fake_scores = (game.discriminate(x).score for x in (batch["real"], fake))
    assert real_scores.shape == fake_scores.shape == (BATCH * SCORES,)
    of_d, of_g = FORMULAS[loss](real_scores, fake_scores)
    ours = game.discriminator_loss(batch, move())
    penalty = ours.logs.get("gradient_penalty", 0.0)
    assert ("gradient_penalty" in ours.logs) == (loss == "wgan_gp")
    torch.testing.assert_close(ours.total - penalty, of_d)
    torch.testing.assert_close(game.generator_loss(batch, move()).total, of_g)


def test_the_penalty_is_on_lines_between_one_hots_and_soft_rows(tiny_generator):
    """lambda E[(||d sum_s D_s(x') / dx'|| - 1)^2], x' = e x + (1 - e) G, by a gradient of each row alone."""
    game, batch = game_of(tiny_generator, "wgan_gp")
    rng = move().rng
    tau = game.estimator.temperature(move())
    fake = sample_relaxed(game.generator, BATCH, tau, rng=rng, feed="argmax").detach()
    share = torch.rand((BATCH, 1, 1), generator=rng)
    between = share * F.one_hot(batch["real"], 7) + (1 - share) * fake
    norms = []
    for row in between:
        point = row[None].clone().requires_grad_()
        (slope,) = torch.autograd.grad(game.discriminate(point).score.sum(), point)
        norms.append(slope.norm())
    found = game.discriminator_loss(batch, move())
    wanted = 10 * (torch.stack(norms) - 1).square().mean()
    torch.testing.assert_close(found.logs["gradient_penalty"], wanted)
    found.total.backward()
    assert all(p.grad is not None for p in game.discriminator.trunk.convolutions.parameters())


def test_the_policies_by_their_names(tiny_generator, tiny_text_discriminator):
    for policy, beta in (("exp", 10.0), ("no", 100.0), ("lin", 50.5), ("quad", 25.75)):
        method = RelGANMethod(temperature_policy=policy)
        players = tiny_generator(), tiny_text_discriminator()
        estimator = relgan.build(*players, method, FineTuning()).estimator
        assert 1 / estimator.temperature(move(4)) == pytest.approx(beta)
