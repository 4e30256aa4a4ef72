"""Whether CatGAN's evolution teaches a generator its classes, measured exactly: ``pytest -m slow -s``."""

from __future__ import annotations

import pytest
import torch
from small_worlds import enumerate_sequences

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.methods import catgan
from seqgan_kit.methods.catgan import CatGANMethod
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNN, RelGANCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig, RelationalGenerator

ROUNDS, FIRST_OF_D, BATCH, FIRST = 75, 20, 64, 8  # The classes 0 and 1 have the ids 8 and 9.
SHAPE = RelGANCNNConfig(4, 2, filters=((1, 16), (2, 16), (4, 16)), features=16, dropout=0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mutations": ("ragan",), "temperature_step": 0},
        {"mutations": ("rsgan",), "temperature_step": 0},
    ],
    ids=["evolution", "ragan", "rsgan"],
)
def test_the_fittest_children_learn_their_classes(options):
    """From an untrained generator, without likelihood: mean KL(G_i || data_i) and KL(data_i || G_i). With a
    learning rate of 2e-3, G collapses instead."""
    torch.manual_seed(0)
    ids = {"bos": 1, "eos": 2, "pad": 0, "given": 1, "source_vocabulary": 3}
    generator = RelationalGenerator(RelationalConfig(8, 1, 1, 16), 7, 4, **ids)
    written = enumerate_sequences(generator)
    rng = torch.Generator().manual_seed(5)
    data = (2.0 * torch.randn(2, len(written), generator=rng)).softmax(1)
    trunk = RelGANCNN(SHAPE, 10, 5, pad=0)
    tuning = FineTuning(batch_size=BATCH, negatives=0, score_l2=0.0)
    method = CatGANMethod(beta_max=3.0, fitness_samples=BATCH, **options)
    game = catgan.build(generator, Discriminator(trunk, trunk.features), method, tuning)
    steps = {
        "generator": torch.optim.Adam(game.offspring.parameters(), 3e-4),
        "discriminator": torch.optim.Adam(game.discriminator.parameters(), 1e-3),
    }

    def batch() -> dict[str, torch.Tensor]:
        classes = torch.randint(2, (BATCH,), generator=rng)
        drawn = torch.multinomial(data, BATCH, True, generator=rng)[classes, torch.arange(BATCH)]
        return {"real": torch.cat([FIRST + classes.unsqueeze(1), written[drawn]], 1)}

    def divergences() -> list[float]:
        found = torch.zeros(2)
        for number in range(2):
            rows = torch.cat([torch.full((len(written), 1), FIRST + number), written], 1)
            with torch.no_grad():
                log_g = generator.sequence_log_prob(rows)
            ratio = log_g - data[number].log()
            found += torch.stack([(log_g.exp() * ratio).sum(), -(data[number] * ratio).sum()]) / 2
        return found.tolist()

    before = divergences()
    for number in range(FIRST_OF_D + ROUNDS):
        move = Move("adversarial", 99, 100, rng)  # at the last temperature, 1/3
        for player in ("discriminator",) * 3 + ("generator",) * (number >= FIRST_OF_D):
            steps[player].zero_grad()
            game.loss(f"{player}_loss", batch(), move).total.backward()
            steps[player].step()
        if number >= FIRST_OF_D:
            game.rule("evolve", batch(), move)
    after = divergences()
    print(options, *(f"{x:.2f} -> {y:.2f}" for x, y in zip(before, after, strict=True)))
    assert after[0] < 0.95 * before[0]
    assert after[1] < 0.8 * before[1]
