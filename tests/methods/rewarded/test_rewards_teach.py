"""Whether RankGAN's ranks, DPGAN's surprise, TextGAN's features and MaskGAN's blanks teach an untrained
generator, measured exactly in a world whose sequences can be listed: ``pytest -m slow -s``."""

from __future__ import annotations

import pytest
import torch
from small_worlds import enumerate_sequences
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Game, Move
from seqgan_kit.methods import textgan
from seqgan_kit.methods.rewarded import dpgan, maskgan, rankgan
from seqgan_kit.methods.rewarded.dpgan import DPGANMethod
from seqgan_kit.methods.rewarded.maskgan import MaskGANMethod
from seqgan_kit.methods.rewarded.rankgan import RankGANMethod
from seqgan_kit.methods.textgan import TextGANMethod
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.infilling.filled_reader import build_filled_reader
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig, InfillingGenerator

ROUNDS, FIRST_OF_D, BATCH, LENGTH = 150, 20, 64, 4
TUNING = FineTuning(batch_size=BATCH, negatives=0, score_l2=0.0)
IDS = {"bos": 1, "eos": 2, "pad": 0}
TRUNK = TextCNNConfig(embedding=8, filters=((1, 16), (2, 16), (4, 16)), dropout=0.0)


def writer(std: float = 0.3) -> LSTMGenerator:
    return LSTMGenerator(LSTMConfig(embedding=4, hidden=12, initial_std=std), 7, LENGTH, **IDS)


def judge() -> Discriminator:
    trunk = TextCNN(TRUNK, 7, LENGTH, pad=0)
    return Discriminator(trunk, trunk.features)


def rank_game(reward: str) -> Game:
    method = RankGANMethod(rollouts=5, baseline="batch", reward=reward)
    return rankgan.build(writer(), judge(), method, TUNING)


def surprise_game(reward: str) -> Game:
    method = DPGANMethod(baseline="batch", reward=reward)
    return dpgan.build(writer(), writer(), method, TUNING)


def feature_game(reward: str) -> Game:
    method = TextGANMethod(temperature=0.3)
    return textgan.build(writer(), judge(), method, TUNING)


def blank_game(reward: str) -> Game:
    method = MaskGANMethod(blank_rate=1.0, baseline="batch", discount=1.0, reward=reward)
    config = InfillingConfig(rnn_search=RNNSearchConfig(4, 12, dropout=0.0))
    discriminator = build_filled_reader(config, 7, LENGTH, bos=1, pad=0)
    return maskgan.build(
        InfillingGenerator(config, 7, LENGTH, **IDS), discriminator, method, TUNING
    )


def divergences(generator: nn.Module, rows: Tensor, data: Tensor) -> tuple[float, float]:
    """KL(G || data) and KL(data || G), by summing over all sequences."""
    with torch.no_grad():
        log_g = generator.sequence_log_prob(rows)
    reverse = (log_g.exp() * (log_g - data.log())).sum().item()
    return reverse, (data * (data.log() - log_g)).sum().item()


def played(game: Game, seed: int = 5) -> tuple[tuple[float, float], tuple[float, float]]:
    """Divergences before and after 150 rounds of three updates of D and one of G."""
    sequences = enumerate_sequences(writer())
    given = getattr(game.generator, "given", 0)
    rows = torch.cat([torch.ones(len(sequences), given, dtype=torch.int64), sequences], 1)
    rng = torch.Generator().manual_seed(seed)
    data = (2.0 * torch.randn(len(rows), generator=rng)).softmax(0)
    steps = {
        "generator": torch.optim.Adam(game.generator.parameters(), 5e-3),
        "discriminator": torch.optim.Adam(game.players["discriminator"].parameters(), 5e-3),
    }
    before = divergences(game.generator, rows, data)
    for number in range(FIRST_OF_D + ROUNDS):
        move = Move("adversarial", number, FIRST_OF_D + ROUNDS, rng)
        for player in ("discriminator",) * 3 + ("generator",) * (number >= FIRST_OF_D):
            real = rows[torch.multinomial(data, BATCH, True, generator=rng)]
            steps[player].zero_grad()
            game.loss(f"{player}_loss", {"real": real}, move).total.backward()
            steps[player].step()
    return before, divergences(game.generator, rows, data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "reward", "most"),
    [
        (rank_game, "verdict", (0.85, 0.75)),
        (feature_game, "verdict", (0.9, 0.95)),
        (blank_game, "verdict", (0.92, 0.8)),
    ],
)
def test_the_reward_alone_teaches_the_generator(build, reward, most):
    """Both divergences fall to less than these shares of what they were."""
    before, after = learnt(build, reward)
    assert after[0] < most[0] * before[0]
    assert after[1] < most[1] * before[1]


@pytest.mark.slow
def test_surprise_alone_leads_away_from_the_data():
    """DPGAN rewards what its language model does not expect. Without likelihood, both divergences grow."""
    before, after = learnt(surprise_game, "verdict")
    assert after[0] > 1.2 * before[0]
    assert after[1] > 1.2 * before[1]


@pytest.mark.slow
def test_a_constant_reward_of_blanks_favours_long_texts_alone():
    """A text of more blanks has more reward, so G learns to write long ones, and nothing of the data."""
    before, after = learnt(blank_game, "constant")
    assert after[1] > 0.95 * before[1]


def learnt(build, reward: str) -> tuple[tuple[float, float], tuple[float, float]]:
    torch.manual_seed(0)
    before, after = played(build(reward))
    for name, first, last in zip(("reverse", "forward"), before, after, strict=True):
        print(f"{build.__name__}, {reward}: {name} KL {first:.2f} -> {last:.2f}")
    return before, after
