"""The discriminator's parts, and the two contexts that use players without changing them."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from seqgan_kit.core.discriminator import Critique, Discriminator, evaluating, frozen


def normed() -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(nn.Linear(3, 4)), nn.BatchNorm1d(4), nn.ReLU(), nn.Dropout(0.0)
    )


def state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def moved(module: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    return {n for n, tensor in module.state_dict().items() if not torch.equal(tensor, before[n])}


def test_a_critique_has_a_score_a_sample_features_and_named_heads():
    heads = {"classes": nn.Linear(4, 10), "codes": nn.Linear(4, 2)}
    critique = Discriminator(nn.Linear(3, 4), 4, heads)(torch.randn(5, 3))
    assert isinstance(critique, Critique)
    assert critique.score.shape == (5,)
    assert critique.features.shape == (5, 4)
    assert {name: tuple(out.shape) for name, out in critique.heads.items()} == {
        "classes": (5, 10),
        "codes": (5, 2),
    }


def test_the_score_is_a_logit_of_the_features():
    discriminator = Discriminator(nn.Linear(3, 4), 4)
    critique = discriminator(100 * torch.randn(50, 3))
    wanted = critique.features @ discriminator.score.weight[0] + discriminator.score.bias
    torch.testing.assert_close(critique.score, wanted)
    assert critique.score.abs().max() > 1


def test_scores_stay_float32_under_autocast():
    discriminator = Discriminator(nn.Linear(3, 4), 4)
    with torch.autocast("cpu", torch.bfloat16):
        critique = discriminator(torch.randn(50, 3))
    wanted = critique.features.float() @ discriminator.score.weight[0] + discriminator.score.bias
    assert critique.features.dtype == torch.bfloat16
    torch.testing.assert_close(critique.score, wanted)


def test_training_moves_buffers_and_frozen_does_not():
    module, x = normed(), torch.randn(8, 3)
    before = state(module)
    with frozen(module):
        module(x)
    assert moved(module, before) == set()
    module(x)
    names = moved(module, before)
    assert any("running_mean" in name for name in names)
    assert any("_u" in name for name in names)
    assert any("num_batches_tracked" in name for name in names)


def test_frozen_output_is_the_training_output():
    """Batch norm still uses the batch's own mean and variance; spectral norm its present vectors."""
    module, x = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)), torch.randn(8, 3) + 5
    with frozen(module):
        ours = module(x)
    torch.testing.assert_close(ours, module(x))
    assert not torch.allclose(ours, module.eval()(x))


def test_spectral_norm_keeps_its_vectors_and_its_scale_when_frozen():
    """After enough power iterations the weight's largest singular value is 1, frozen or not."""
    layer = spectral_norm(nn.Linear(3, 4))
    for _ in range(200):
        layer(torch.randn(2, 3))
    with frozen(layer):
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1, abs=1e-5)


def test_frozen_puts_everything_back_even_after_an_error():
    module = normed()
    with pytest.raises(ZeroDivisionError, match="division"), frozen(module):
        _ = 1 / 0
    assert module[1].track_running_stats
    assert all(part.training for part in module.modules())
    before = state(module)
    module(torch.randn(8, 3))
    assert moved(module, before)


def test_frozen_leaves_alone_what_did_not_track():
    module = nn.BatchNorm1d(4, track_running_stats=False)
    with frozen(module):
        pass
    assert not module.track_running_stats


def test_frozen_leaves_evaluation_mode_as_it_is():
    module, x = normed().eval(), torch.randn(8, 3)
    wanted = module(x)
    with frozen(module):
        torch.testing.assert_close(module(x), wanted)
    assert not any(part.training for part in module.modules())


def test_frozen_lets_gradients_through():
    module, x = normed(), torch.randn(8, 3, requires_grad=True)
    with frozen(module):
        loss = module(x).square().sum()
    gradients = torch.autograd.grad(loss, [x, *module.parameters()])
    assert all(g.abs().sum() > 0 for g in gradients[:2])


def test_evaluating_restores_each_part():
    """A part that was in evaluation mode before stays in it afterwards."""
    module = normed()
    module[1].eval()
    with evaluating(module):
        assert not any(part.training for part in module.modules())
    assert [part.training for part in module] == [True, False, True, True]


def test_evaluating_turns_dropout_off_and_restores_after_an_error():
    module = nn.Dropout(0.5)
    with evaluating(module):
        assert torch.equal(module(torch.ones(50)), torch.ones(50))
    with pytest.raises(ZeroDivisionError, match="division"), evaluating(module):
        _ = 1 / 0
    assert module.training
