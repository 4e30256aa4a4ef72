"""TextGAIL (Wu, Li, Yu 2021: "TextGAIL: Generative Adversarial Imitation Learning for Text Generation").

    D minimises  E_(x,y) -log sigma(D(x, y) - D(x, G(x)))
    G ascends    E_x sigma(D(x, G(x)) - D(x, y))                           y: the real text after x

D says which of two texts after one context is real (a contrastive discriminator). The probability that it
takes G's for the real one is G's reward. A share of the texts that G learns from is real, with the reward 1.
Rewards are standardised, and G makes clipped updates (PPO).

The four choices. Players: any generator and a D with one score a row. Objective: the probability of being
preferred. Estimator: clipped policy updates, one ratio a text. Schedule: maximum likelihood; D on texts of G;
rounds of both.

Differs from the paper and the authors' code: their players are GPT-2 and RoBERTa-base; here they may be any
networks, by default small ones. Rewards are standardised over the batch, by the code over a running mean and
deviation, with a bound of 2. The share of real texts is constant; in the code it falls from 0.2 to 0 in the
course of training, and their reward is 2. There is no penalty for leaving the pretrained G, as in the paper.
An objective may be mixed with D's score.

The preset ``paper`` has the code's buffer, parts, clipping, share, pretraining of D and learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from seqgan_kit.core.bounds import Bounds, bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import preferred_probability
from seqgan_kit.errors import unknown
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.estimators.rewards import D_ALONE, Reward
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.proximal_game import ProximalGame, ReplyRewards
from seqgan_kit.sequences.reply_training import ReplyTraining, reply_phases

REWARDS: dict[str, RewardKind] = {
    "probability": "verdict",
    "constant": "constant",
    "random": "random",
}
SETTINGS = PolicySettings(replies=1, advantage="batch", ratio="reply", kl_weight=0.0)
"""The policy updates of the paper."""


@dataclass(frozen=True)
@bounded
class TextGAILMethod:
    """Settings of TextGAIL; the defaults are the paper's."""

    real_share: Annotated[float, Bounds(0, 0.5)] = 0.2
    """Share of the texts that G learns from that are real and have the reward 1 (the code: 0.2)."""
    reward: Literal["probability", "constant", "random"] = "probability"
    """Reward: the probability that D prefers G's text, or constant or random, which ignore D; they are
    controls: a gain with them does not come from the discriminator. random still learns from real texts."""

    def __post_init__(self) -> None:
        if self.reward not in REWARDS:
            raise unknown("reward", self.reward, REWARDS)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: TextGAILMethod,
    policy: PolicySettings,
    training: ReplyTraining,
    reward: Reward = D_ALONE,
) -> ProximalGame:
    """Build the game from its players and settings; ``reward`` mixes an objective with D's score."""
    rewards = ReplyRewards(REWARDS[method.reward], reward, method.real_share)
    return ProximalGame(
        generator, discriminator, preferred_probability(), policy, training.batch_size, rewards
    )


def phases(policy: PolicySettings, training: ReplyTraining) -> tuple[Phase, ...]:
    """Return the phases: maximum likelihood, D's pretraining, then rounds of both."""
    return reply_phases(training, policy)
