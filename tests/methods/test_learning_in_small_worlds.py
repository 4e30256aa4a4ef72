"""Whether methods learn, measured exactly where all sequences can be listed: ``pytest -m slow -s``."""

from __future__ import annotations

import pytest
import torch
from small_worlds import enumerate_sequences
from torch import Tensor

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.methods import dialogue, professor_forcing
from seqgan_kit.methods.dialogue import DialogueMethod
from seqgan_kit.methods.professor_forcing import ProfessorForcingMethod
from seqgan_kit.sequences.discriminators.birnn import BiRNN, BiRNNConfig
from seqgan_kit.sequences.discriminators.state_reader import StateReader, StateReaderConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

ROUNDS, FIRST_OF_D, BATCH = 150, 20, 64
TUNING = FineTuning(batch_size=BATCH, negatives=0)


def writer(length: int, hidden: int, std: float) -> LSTMGenerator:
    config = LSTMConfig(embedding=4, hidden=hidden, initial_std=std)
    return LSTMGenerator(config, 7, length, bos=1, eos=2, pad=0)


def divergences(generator: LSTMGenerator, sequences: Tensor, data: Tensor) -> tuple[float, float]:
    """KL(G || data) and KL(data || G), by summing over all sequences."""
    with torch.no_grad():
        log_g = generator.sequence_log_prob(sequences)
    reverse = (log_g.exp() * (log_g - data.log())).sum().item()
    return reverse, (data * (data.log() - log_g)).sum().item()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("credit", "reward", "learns"),
    [
        ("regs", "probability", True),
        ("monte_carlo", "probability", True),
        ("reply", "probability", True),
        ("regs", "constant", False),
    ],
)
def test_the_verdict_alone_teaches_the_generator(credit, reward, learns):
    """No pretraining and no human replies: G learns from D, or, with a constant reward, from nothing."""
    torch.manual_seed(0)
    generator, trunk = writer(4, 12, 0.3), BiRNN(BiRNNConfig(8, 16, dropout=0.0), 7, 4, pad=0)
    discriminator = Discriminator(trunk, trunk.features)
    sequences = enumerate_sequences(generator)
    rng = torch.Generator().manual_seed(5)
    data = (2.0 * torch.randn(len(sequences), generator=rng)).softmax(0)
    method = DialogueMethod(credit=credit, reward=reward, rollouts=5, baseline="batch")
    game = dialogue.build(generator, discriminator, method, TUNING)
    steps = {
        "generator": torch.optim.Adam(generator.parameters(), 5e-3),
        "discriminator": torch.optim.Adam(discriminator.parameters(), 5e-3),
    }

    def play(player: str, move: Move) -> None:
        steps[player].zero_grad()
        real = sequences[torch.multinomial(data, BATCH, True, generator=rng)]
        game.loss(f"{player}_loss", {"real": real}, move).total.backward()
        steps[player].step()

    before = divergences(generator, sequences, data)
    for number in range(FIRST_OF_D + ROUNDS):
        move = Move("adversarial", number, FIRST_OF_D + ROUNDS, rng)
        for _ in range(5):
            play("discriminator", move)
        if number >= FIRST_OF_D:
            play("generator", move)
    after = divergences(generator, sequences, data)
    for name, first, last in zip(("reverse", "forward"), before, after, strict=True):
        print(f"{credit}, {reward}: {name} KL {first:.2f} -> {last:.2f}")
    if learns:
        assert after[0] < 0.8 * before[0]
        assert after[1] < 0.6 * before[1]
    else:
        assert after == pytest.approx(before, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("trains", [False, True])
def test_the_states_of_an_untrained_generator_are_found_out(trains):
    """D's accuracy comes near the best that any test of the tokens has, 1/2 + TV/2. If the generator trains
    meanwhile, it falls below the threshold under which professor forcing is maximum likelihood."""
    torch.manual_seed(99)
    truth = writer(6, 12, 1.5)
    torch.manual_seed(0)
    generator = writer(6, 16, 0.3)
    sequences = enumerate_sequences(truth)
    with torch.no_grad():
        data, own = (g.sequence_log_prob(sequences).exp() for g in (truth, generator))
    best = 0.5 + (data - own).abs().sum().item() / 4
    trunk, method = StateReader(StateReaderConfig(16, 32), 16), ProfessorForcingMethod()
    game = professor_forcing.build(generator, Discriminator(trunk, 32), method)
    rng, accuracies = torch.Generator().manual_seed(0), []
    turns = {"discriminator": torch.optim.Adam(game.discriminator.parameters(), 2e-3)}
    if trains:
        turns["generator"] = torch.optim.Adam(generator.parameters(), 5e-3)
    for number in range(400):
        for player, step in turns.items():
            real = sequences[torch.multinomial(data, BATCH, True, generator=rng)]
            loss = game.loss(f"{player}_loss", {"real": real}, Move("one", number, 400, rng))
            if player == "discriminator":
                accuracies.append(float(loss.logs["discriminator_accuracy"]))
            step.zero_grad()
            loss.total.backward()
            step.step()
    reached = sum(accuracies[-100:]) / 100
    print(f"trained: {trains}; accuracy {reached:.3f}, at first at most {best:.3f}")
    if trains:
        assert 0.4 < reached < method.least_accuracy
    else:
        assert 0.5 + 0.6 * (best - 0.5) < reached < best + 0.03
