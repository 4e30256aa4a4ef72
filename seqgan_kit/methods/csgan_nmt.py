"""CSGAN-NMT and BR-CSGAN (Yang, Chen, Wang, Xu 2018: "Improving Neural Machine Translation with Conditional
Sequence Generative Adversarial Nets").

    D maximises  E_data log D(x, y) + E_G log(1 - D(x, y))                    x: source, y: its translation
    G ascends    E_G sum_t grad log G(y_t | x, y_<t) R(x, y_<t, y_t)
    CSGAN-NMT    R = mean over N completions of y_1:t by G of D(x, y) - b
    BR-CSGAN     R = mean over N completions of lambda (D(x, y) - b) + (1 - lambda) BLEU(y, y*)

y* are the references of x. Both rewards of a complete translation are its own.

The four choices. Players: an encoder-decoder with attention and a D that reads pairs. Objective: expected
probability. Estimator: REINFORCE with rollouts and a mixed reward. Schedule: MLE; D on samples of G until its
accuracy is f; then rounds of one update of G by the reward, one on real translations with the reward 1
(teacher forcing), and an epoch of D over a pool of new samples. G and D use RMSprop, and D's weights are
clipped to [-c, c] after every update.

Differs from the paper and the authors' code: G samples the translations that it learns from, as in the
paper's equation; in the code they are greedy. BLEU is sentence BLEU-4 with smoothing ``method1`` on words.
RMSprop's squared gradients start at 0, where they start at 1 in the code, so its first steps would be 3
times the learning rate: the rate rises over the first ``warmup_moves`` updates. The code clips each of D's
gradients at 1 too; here their norm can be limited. An update of D has as many real as generated pairs, at
G's batch size (the code: 40 and 100). D has no batch norm (``PairTextCNN`` lists more). The preset ``paper``
has the published schedule and form of D, RNNsearch at its published widths, and the learning rates of the
code; its data are yours. Where f is out of reach, D's pretraining ends with its last pool and an alarm tells.

The published D adds a score of the source to one of the translation, so it ranks the translations of a source
without reading it. The other presets use ``pair_cnn``, which compares both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from seqgan_kit.core.bounds import Count, Positive, Share, UpTo1, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind
from seqgan_kit.core.game import Batch, Loss, Move, Phase, Reached, Turn
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.core.penalties import clip_weights
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.rewards import D_ALONE, Reward
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.maximum_likelihood import unit_reward_loss
from seqgan_kit.sequences.sampling.stepper import CHUNK_ROWS
from seqgan_kit.sequences.sequence_game import SequenceGame

REWARDS: dict[str, RewardKind] = {
    "probability": "verdict",
    "constant": "constant",
    "random": "random",
}


@dataclass(frozen=True)
@bounded
class CSGANMethod:
    """Settings of CSGAN-NMT; the defaults are the paper's and its code's."""

    rollouts: Count = 20
    """N: completions per prefix; 0: every token gets the reward of its whole translation."""
    reward: Literal["probability", "constant", "random"] = "probability"
    """D's part of the reward: its output, or constant or random, which ignore D; they are controls: a gain
    with them does not come from the discriminator."""
    target_accuracy: UpTo1 = 0.82
    """f: D's accuracy on a pool at which its pretraining ends (the paper: 0.82); 0: train on all pools."""
    weight_clip: Weight = 1.0
    """c: D's weights are clipped to [-c, c] after its updates (the code: 1); 0: not clipped."""
    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """Update rule of G in adversarial rounds, and of D."""
    smoothing: Share = 0.9
    """Decay of the squared gradient in RMSprop (the code's library: 0.9)."""
    warmup_moves: Count = 20
    """Updates over which the learning rates of G and D rise from 0, because RMSprop's first steps are too
    long."""
    chunk_rows: Positive = CHUNK_ROWS
    """Completions sampled and scored in one chunk of rows; limits memory and does not change results."""


class CSGAN(SequenceGame):
    """The sequence game of translations: teacher forcing with reward 1, and a D whose weights are clipped."""

    def __init__(
        self,
        generator: SequenceGenerator,
        discriminator: Discriminator,
        method: CSGANMethod,
        training: FineTuning,
        reward: Reward = D_ALONE,
    ):
        if not getattr(generator, "given", 0):
            raise UsageError(
                "csgan_nmt translates, and nothing is given: give sources (--sources, --source-column, "
                "--label-column or --prompt-words), or use seqgan for text without sources."
            )
        estimator = Reinforce(
            method.rollouts,
            chunk_rows=method.chunk_rows,
            reward=REWARDS[method.reward],
            mix=reward,
        )
        super().__init__(generator, discriminator, expected_probability(), estimator, training)
        self.weight_clip = method.weight_clip

    def translation_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of REINFORCE on real translations with reward 1 for every token."""
        return unit_reward_loss(self.generator, batch)

    def clip_discriminator(self, batch: Batch, move: Move) -> None:
        """Clip every weight of D to [-c, c]."""
        clip_weights(self.discriminator, self.weight_clip)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: CSGANMethod,
    training: FineTuning,
    reward: Reward = D_ALONE,
) -> CSGAN:
    """Build the game from its players and settings; ``reward`` has b, and BLEU in BR-CSGAN."""
    return CSGAN(generator, discriminator, method, training, reward)


def phases(method: CSGANMethod, training: FineTuning, given: int = 0) -> tuple[Phase, ...]:
    """Return the phases: G's pretraining, D's until its accuracy is f, then rounds of both."""
    teach, judge, play = fine_tuning_phases(training, given=given, teaching="translation_loss")
    goal = Reached("discriminator_accuracy", method.target_accuracy)
    judge, play = (
        replace(phase, turns=tuple(_as_published(turn, method) for turn in phase.turns))
        for phase in (judge, play)
    )
    return teach, replace(judge, until=goal if method.target_accuracy else None), play


def _as_published(turn: Turn, method: CSGANMethod) -> Turn:
    """Return the turn with the method's update rule, and D's with clipped weights."""
    if turn.optimizer is None:
        return turn
    optimizer = replace(
        turn.optimizer,
        name=method.optimizer,
        smoothing=method.smoothing,
        warmup_moves=method.warmup_moves,
    )
    clips = "discriminator" in turn.players and method.weight_clip > 0
    return replace(turn, optimizer=optimizer, after_step="clip_discriminator" if clips else "")
