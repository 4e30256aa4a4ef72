"""GAD (Ye, Dong, Chi, Wu, Huang, Wei 2025: "Black-Box On-Policy Distillation of Large Language Models"),
generative adversarial distillation.

    D minimises  E_(x,y) -log sigma(D(x, y) - D(x, G(x)))                  x: prompt, y: the teacher's reply
    G ascends    E_x D(x, G(x)) - beta KL(G || reference)

G writes M replies to each prompt. D's score is the reward of a reply, standardised among the M (GRPO). G
makes clipped updates with a penalty for leaving the reference, which is G after pretraining. D and G learn
from the same replies.

The four choices. Players: any generator and a D with one score a row. Objective: Bradley-Terry, with D's
score as reward. Estimator: policy updates on groups of replies. Schedule: supervised fine-tuning on the
teacher's replies; D on G's replies; rounds of one update of each.

Differs from the paper: its players are language models of billions of parameters, and D begins as a copy of
G with a scalar head. Here they may be any networks, by default small ones, with a fresh D. In the paper both
are pretrained together; here D follows. The paper's learning rate is 1e-6 for both, in rounds of 256
prompts; the defaults are for small networks. A loss is a mean over replies of the sum over their tokens.
Gradients are clipped at 1. Prompts are given tokens of a fixed number, padded. An objective may be mixed
with D's score.

The preset ``paper`` has the learning rate, batch size, group size, penalty, clipping and length of D's
pretraining that the paper gives. Its networks are the generator that you name and a D without pretrained
weights; the fine-tuning of G and the number of rounds are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seqgan_kit.core.bounds import bounded
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import RewardKind
from seqgan_kit.core.game import Phase
from seqgan_kit.core.objectives import preferred_score
from seqgan_kit.errors import unknown
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.estimators.rewards import D_ALONE, Reward
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.proximal_game import ProximalGame, ReplyRewards
from seqgan_kit.sequences.reply_training import ReplyTraining, reply_phases

REWARDS: dict[str, RewardKind] = {"score": "verdict", "constant": "constant", "random": "random"}


@dataclass(frozen=True)
@bounded
class GADMethod:
    """Settings of GAD."""

    reward: Literal["score", "constant", "random"] = "score"
    """Reward of a reply: D's score, or constant or random, which ignore D; they are controls: a gain with
    them does not come from the discriminator."""

    def __post_init__(self) -> None:
        if self.reward not in REWARDS:
            raise unknown("reward", self.reward, REWARDS)


def build(
    generator: SequenceGenerator,
    discriminator: Discriminator,
    method: GADMethod,
    policy: PolicySettings,
    training: ReplyTraining,
    reward: Reward = D_ALONE,
) -> ProximalGame:
    """Build the game from its players and settings; ``reward`` mixes an objective with D's score."""
    rewards = ReplyRewards(REWARDS[method.reward], reward)
    return ProximalGame(
        generator, discriminator, preferred_score(), policy, training.batch_size, rewards
    )


def phases(policy: PolicySettings, training: ReplyTraining) -> tuple[Phase, ...]:
    """Return the phases: G's fine-tuning, D's pretraining, then rounds of both."""
    return reply_phases(training, policy)
