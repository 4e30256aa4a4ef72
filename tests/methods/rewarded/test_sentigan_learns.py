"""Whether SentiGAN's penalties teach its generators, measured exactly: ``pytest -m slow -s``."""

from __future__ import annotations

import pytest
import torch
from small_worlds import enumerate_sequences

from seqgan_kit.core.game import Move
from seqgan_kit.methods.rewarded import sentigan
from seqgan_kit.methods.rewarded.sentigan import SentiGANMethod
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.hierarchical.class_generators import (
    ClassGenerators,
    ClassLSTMsConfig,
)

ROUNDS, FIRST_OF_D, BATCH = 250, 20, 64
TRUNK = TextCNNConfig(embedding=8, filters=((1, 16), (2, 16), (4, 16)), dropout=0.0)
FIRST = 8  # The classes 0 and 1 have the ids 8 and 9.


@pytest.mark.slow
@pytest.mark.parametrize("reward", ["verdict", "constant"])
def test_penalties_teach_each_generator_its_class(reward):
    """From untrained generators, without likelihood. The gain is small, and a part of it is the flattening
    that a constant penalty brings too."""
    torch.manual_seed(0)
    ids = {"bos": 1, "eos": 2, "pad": 0, "given": 1, "source_vocabulary": 3}
    generator = ClassGenerators(ClassLSTMsConfig(4, 12, 0.3), 7, 4, **ids)
    written = enumerate_sequences(generator)
    rng = torch.Generator().manual_seed(5)
    data = (2.0 * torch.randn(2, len(written), generator=rng)).softmax(1)
    method = SentiGANMethod(rollouts=5, reward=reward)
    tuning = FineTuning(batch_size=BATCH, negatives=0, score_l2=0.0)
    game = sentigan.build(generator, TextCNN(TRUNK, 10, 5, pad=0), method, tuning)
    steps = {
        "generator": torch.optim.Adam(generator.parameters(), 1e-2),
        "discriminator": torch.optim.Adam(game.discriminator.parameters(), 5e-3),
    }

    def play(player: str, move: Move) -> None:
        classes = torch.randint(2, (BATCH,), generator=rng)
        drawn = torch.multinomial(data, BATCH, True, generator=rng)[classes, torch.arange(BATCH)]
        real = torch.cat([FIRST + classes.unsqueeze(1), written[drawn]], 1)
        steps[player].zero_grad()
        game.loss(f"{player}_loss", {"real": real}, move).total.backward()
        steps[player].step()

    def divergence(number: int, of: int) -> float:
        """KL(G_i || data_j), by summing over all sequences."""
        rows = torch.cat([torch.full((len(written), 1), FIRST + number), written], 1)
        with torch.no_grad():
            log_g = generator.sequence_log_prob(rows)
        return (log_g.exp() * (log_g - data[of].log())).sum().item()

    pairs = [(0, 0), (1, 1), (0, 1), (1, 0)]
    before = [divergence(*pair) for pair in pairs]
    for number in range(FIRST_OF_D + ROUNDS):
        move = Move("adversarial", number, FIRST_OF_D + ROUNDS, rng)
        for _ in range(3):
            play("discriminator", move)
        if number >= FIRST_OF_D:
            play("generator", move)
    after = [divergence(*pair) for pair in pairs]
    print(reward, [round(x, 2) for x in before], [round(x, 2) for x in after])
    own = sum(after[:2]) / sum(before[:2])
    assert own < 0.91 if reward == "verdict" else 0.92 < own < 1
