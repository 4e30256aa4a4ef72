"""Without a condition nothing changes: samples, completions and losses are those from before rows had one."""

import hashlib

import pytest
import torch
from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators.baselines import baseline_players
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.estimators.importance import ImportanceWeighted
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig, RelationalGenerator
from seqgan_kit.sequences.generators.transformer import TransformerConfig, TransformerGenerator
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes
from seqgan_kit.sequences.sampling.rollout import complete_prefixes
from seqgan_kit.sequences.sequence_game import SequenceGame

WORDS, LENGTH, ROWS = 7, 6, 8
NETWORKS = {
    "lstm": lambda **tokens: LSTMGenerator(LSTMConfig(4, 6, 2), WORDS, LENGTH, **tokens),
    "transformer": lambda **tokens: TransformerGenerator(
        TransformerConfig(8, 2, 2), WORDS, LENGTH, **tokens
    ),
    "relational": lambda **tokens: RelationalGenerator(
        RelationalConfig(4, 2, 2, 3), WORDS, LENGTH, **tokens
    ),
}
ESTIMATORS = {
    "reinforce": Reinforce(3),
    "batch": Reinforce(3, "batch"),
    "moving average": Reinforce(3, "moving_average"),
    "leave one out": Reinforce(3, "leave_one_out"),
    "critic": Reinforce(3, "critic"),
    "importance": ImportanceWeighted(2),
    "mixed": ImportanceWeighted(2, kept=3),
    "boundary seeking": BoundarySeeking(3),
    "gumbel": GumbelSoftmax(),
}
# Of the version before: the first 12 hexadecimal digits of SHA-256 of all tokens, and the losses.
TOKENS = {"lstm": "0cc6855e036e", "transformer": "777dfa243766", "relational": "1647dee6f942"}
LOSSES = {
    "lstm": {
        "reinforce": -2.469043,
        "batch": 0.04510906,
        "moving average": -2.469043,
        "leave one out": -0.006015319,
        "critic": -2.469043,
        "importance": 5.502499,
        "mixed": 6.61353,
        "boundary seeking": 5.325958,
        "gumbel": 0.4622036,
    },
    "transformer": {
        "reinforce": -2.998358,
        "batch": 0.01933488,
        "moving average": -2.998358,
        "leave one out": 0.06379257,
        "critic": -2.998358,
        "importance": 6.426572,
        "mixed": 5.445748,
        "boundary seeking": 6.407471,
        "gumbel": 0.450675,
    },
    "relational": {
        "reinforce": -1.173394,
        "batch": -0.07437979,
        "moving average": -1.173394,
        "leave one out": -0.01840309,
        "critic": -1.173394,
        "importance": 2.363611,
        "mixed": 2.283063,
        "boundary seeking": 2.02494,
        "gumbel": 0.4335222,
    },
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def tiny(kind):
    """Weights by a rule, so that they are the same wherever the test runs."""
    network = NETWORKS[kind](bos=1, eos=2, pad=0)
    return ruled(network)


@torch.no_grad()
def ruled(network: nn.Module):
    for number, parameter in enumerate(network.parameters()):
        places = torch.arange(parameter.numel(), dtype=torch.float64).view_as(parameter)
        parameter.copy_((places * (1.7 + number)).sin())
    return network.eval()


def digest(*rows):
    return hashlib.sha256(b"".join(part.numpy().tobytes() for part in rows)).hexdigest()[:12]


def written(kind):
    generator = tiny(kind)
    rows = generator.sample(40, rng=seeded(), chunk_rows=16)
    shaped = generator.sample(10, rng=seeded(1), temperature=0.8, top_k=4, top_p=0.9)
    with torch.no_grad():
        completed = complete_prefixes(generator.stepper(), rows[:9], 3, seeded(2), 16)
    continued = continue_prefixes(generator, rows[:5, :2], 2, rng=seeded(3))
    return digest(rows, shaped, completed, continued)


def loss(kind, name):
    generator, estimator = tiny(kind), ESTIMATORS[name]
    config = TextCNNConfig(4, ((1, 3), (2, 3)), dropout=0.0)
    discriminator = Discriminator(ruled(TextCNN(config, WORDS, LENGTH, pad=0)), 6)
    ruled(discriminator.score)
    baseline = getattr(estimator, "baseline", "none")
    players = baseline_players(baseline, generator, ROWS)
    game = SequenceGame(
        generator, discriminator, non_saturating(), estimator, FineTuning(negatives=0), (), players
    )
    real = generator.sample(ROWS, rng=seeded(4))
    return game.generator_loss({"real": real}, Move("adversarial", 0, 3, seeded(5))).total.item()


@pytest.mark.parametrize("kind", NETWORKS)
def test_samples_and_completions_are_as_before(kind):
    assert written(kind) == TOKENS[kind]


@pytest.mark.parametrize("kind", NETWORKS)
def test_losses_are_as_before(kind):
    losses = {name: loss(kind, name) for name in ESTIMATORS}
    assert losses == pytest.approx(LOSSES[kind], rel=1e-4, abs=1e-6)
