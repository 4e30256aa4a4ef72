"""Whether LeakGAN's rewards teach its generator, measured exactly in a small world: ``pytest -m slow -s``."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from small_worlds import enumerate_sequences
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.methods.rewarded import leakgan
from seqgan_kit.methods.rewarded.leakgan import LeakGANMethod
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.hierarchical.leak_generator import LeakConfig, LeakGenerator

ROUNDS, FIRST_OF_D, BATCH = 150, 20, 64
TRUNK = TextCNNConfig(embedding=8, filters=((1, 16), (2, 16), (4, 16)), dropout=0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weight", "intrinsic", "reward"),
    [(1.0, 1.0, "verdict"), (1.0, 0.0, "verdict"), (0.0, 1.0, "verdict"), (1.0, 1.0, "constant")],
)
def test_rewards_teach_without_likelihood(weight, intrinsic, reward):
    """D's rank brings G nearer to the data. The cosine with the goals alone rises too, but means nothing:
    Manager and Worker agree on a few sequences, and G collapses. A constant reward teaches nothing."""
    torch.manual_seed(0)
    generator = LeakGenerator(LeakConfig(4, 12, 4, 2, 0.3, TRUNK), 7, 4, bos=1, eos=2, pad=0)
    trunk = TextCNN(TRUNK, 7, 4, pad=0)
    sequences = enumerate_sequences(generator)
    rng = torch.Generator().manual_seed(5)
    data = (2.0 * torch.randn(len(sequences), generator=rng)).softmax(0)
    method = LeakGANMethod(
        rollouts=5,
        baseline="batch",
        discriminator_weight=weight,
        intrinsic_weight=intrinsic,
        negatives_temperature=1.0,
        reward=reward,
    )
    discriminator = Discriminator(trunk, trunk.features)
    tuning = FineTuning(batch_size=BATCH, negatives=0, score_l2=0.0)
    game = leakgan.build(generator, discriminator, method, tuning)
    steps = {
        "generator": torch.optim.Adam([p for p in generator.parameters() if p.requires_grad], 5e-3),
        "discriminator": torch.optim.Adam(discriminator.parameters(), 5e-3),
    }

    def play(player: str, move: Move) -> Mapping[str, Tensor | float]:
        steps[player].zero_grad()
        real = sequences[torch.multinomial(data, BATCH, True, generator=rng)]
        loss = game.loss(f"{player}_loss", {"real": real}, move)
        loss.total.backward()
        steps[player].step()
        return loss.logs

    def divergences() -> tuple[float, float]:
        """KL(G || data) and KL(data || G), by summing over all sequences."""
        with torch.no_grad():
            log_g = generator.sequence_log_prob(sequences)
        reverse = (log_g.exp() * (log_g - data.log())).sum().item()
        return reverse, (data * (data.log() - log_g)).sum().item()

    before, logs = divergences(), {}
    for number in range(FIRST_OF_D + ROUNDS):
        move = Move("adversarial", number, FIRST_OF_D + ROUNDS, rng)
        for _ in range(5):
            play("discriminator", move)
        game.leak({}, move)
        if number >= FIRST_OF_D:
            logs = play("generator", move)
    after, cosine = divergences(), float(torch.as_tensor(logs["intrinsic_reward"]).detach())
    print(f"weights {weight}, {intrinsic}, {reward}: KL {before} -> {after}, cosine {cosine:.2f}")
    if reward == "constant":
        assert after == pytest.approx(before, rel=0.1)
    elif weight:
        assert after[0] < 0.85 * before[0]
    else:
        assert cosine > 0.6
        assert after[1] > 2 * before[1]
