"""REFIL as a DI-engine policy: A-QMIX that also learns from imagined groups of entities."""

import torch
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict

from ding_alma.policy.aqmix import AqmixPolicy
from ding_alma.policy.value_policy import ExplorationCommand
from ding_alma.replay.recorder import recorded_keys
from ding_alma.rl.mixed_q import MixedQConfig
from ding_alma.rl.refil import GROUPINGS
from dizoo_ext.strict_config import check_choice


@POLICY_REGISTRY.register("refil")
class RefilPolicy(AqmixPolicy):
    """Randomised Entity-wise Factorisation for Imagined Learning (ICML 2021), the "Flat" rival of ALMA on StarCraft."""

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="refil",
        learn=dict(
            # (float) Share of the imagined groups in the loss, in [0, 1] (paper: lambda), usually 0.3 to 0.7; a larger
            # one teaches more of small groups and less of the whole team.
            imagined_weight=0.5,
            # (str) Imagined groups: 'random' (REFIL), 'given' (the environment's true ones) or 'random_given' (random
            # ones that keep true ones apart).
            imagined_groups="random",
        ),
    )

    ranges = {"learn.imagined_weight": (0.0, 1.0)}

    def check_values(self, cfg: EasyDict) -> None:
        super().check_values(cfg)
        check_choice(cfg.learn.imagined_groups, GROUPINGS, "policy.learn.imagined_groups")

    def recorded_keys(self) -> dict[str, torch.dtype]:
        return recorded_keys(groups=self._cfg.learn.imagined_groups != "random")

    def _loss_config(self) -> MixedQConfig:
        learn = self._cfg.learn
        return MixedQConfig(
            gamma=learn.discount_factor,
            double_q=learn.double_q,
            td_lambda=learn.td_lambda,
            imagined_weight=learn.imagined_weight,
            imagined_groups=learn.imagined_groups,
        )


@POLICY_REGISTRY.register("refil_command")
class RefilCommandPolicy(RefilPolicy, ExplorationCommand):
    """`RefilPolicy` with the schedule of exploration."""
