"""A-QMIX as a DI-engine policy: QMIX with attention over entities. REFIL and COPA build on it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from ding.utils import POLICY_REGISTRY
from easydict import EasyDict
from torch import Tensor

from ding_alma.model.value.aqmix_model import AqmixModel
from ding_alma.model.value.value_network import AGENTS, MIXERS, POOLINGS, ValueNetwork
from ding_alma.policy.carried_state import CarriedState
from ding_alma.policy.value_policy import ExplorationCommand, ValuePolicy
from ding_alma.replay.recorder import recorded_keys
from ding_alma.rl.exploration import epsilon_greedy
from ding_alma.rl.mixed_q import MixedQConfig
from ding_alma.rl.transfer import to_device, to_host
from ding_alma.rl.value_acting import acting_utilities
from dizoo_ext.strict_config import check_choice


@POLICY_REGISTRY.register("aqmix")
class AqmixPolicy(ValuePolicy):
    """REFIL's ablation without imagined groups (ICML 2021), the "Flat" rival of ALMA on SaveTheCity.

    Every agent sees what it observes; the global reward trains all of them through the mixer.

    Defaults are those of the ALMA paper's rivals. Those of the REFIL paper: ``network.agent='recurrent'``,
    ``mixer_bias_abs=False``, ``popart=False`` and a training sequences above the episode limit; on Group Matching
    ``agent='direct'``, ``mixer='linear'``, ``last_action=False``, all widths 64, and the last two of the above.
    """

    config = dict(
        # (str) Name in DI-engine's policy registry.
        type="aqmix",
        network=dict(
            # (str) Agents: 'feedforward' (ALMA paper), 'recurrent' (REFIL paper), 'direct' (REFIL's Group Matching) or
            # 'pairwise' (ours: compares an agent with each entity that it sees instead of attending).
            agent="feedforward",
            # (str) What sums up the entities that an agent sees: 'attention', or 'max' or 'mean' (REFIL's ablation).
            pooling="attention",
            # (str) Mixing of utilities: 'flex' (QMIX), 'linear' (weighted sum) or 'vdn' (sum).
            mixer="flex",
            # (bool) Agents and mixer read the agents' last actions.
            last_action=True,
        ),
    )

    unread = (*ValuePolicy.unread, "other.replay_buffer.recent_steps")
    has_fixed_form = True

    def check_values(self, cfg: EasyDict) -> None:
        super().check_values(cfg)
        check_choice(cfg.network.agent, AGENTS, "policy.network.agent")
        check_choice(cfg.network.pooling, POOLINGS, "policy.network.pooling")
        check_choice(cfg.network.mixer, MIXERS, "policy.network.mixer")

    def attending_widths(self, network: EasyDict) -> tuple[str, ...]:
        agents = ("attention_dim",) if network.pooling == "attention" else ()
        return agents if network.mixer == "vdn" else (*agents, "hypernet_dim")

    def observation_keys(self) -> tuple[str, ...]:
        return tuple(self.recorded_keys())

    def recorded_keys(self) -> dict[str, torch.dtype]:
        return recorded_keys()

    def default_model(self) -> tuple[str, list[str]]:
        """Name in DI-engine's model registry and the package that registers it."""
        return "aqmix", ["ding_alma"]

    def _create_model(self, cfg: EasyDict, model: torch.nn.Module | None = None) -> torch.nn.Module:
        if model is not None:
            return super()._create_model(cfg, model)
        network = cfg.network
        value_network = ValueNetwork(
            self._value_shape(network.last_action),
            "none",
            softmax_mixing=network.softmax_mixing,
            mixer_bias_abs=network.mixer_bias_abs,
            popart=network.popart,
            agent=network.agent,
            mixer=network.mixer,
            pooling=network.pooling,
            **self._coach_options(),
        )
        return AqmixModel(value_network)

    def _coach_options(self) -> dict[str, Any]:
        """What `ValueNetwork` is told of a coach."""
        return {}

    def _loss_config(self) -> MixedQConfig:
        learn = self._cfg.learn
        return MixedQConfig(gamma=learn.discount_factor, double_q=learn.double_q, td_lambda=learn.td_lambda)

    def _initially_held(self) -> dict[str, Tensor]:
        agents = self._sizes.agents
        return {
            "last_action": torch.full((agents,), -1),
            "memory": torch.zeros(agents, self._model.value_network.agent.memory_dim),
        }

    @torch.inference_mode()
    def _choose(
        self,
        ids: np.ndarray,
        observation: dict[str, Tensor],
        carried: CarriedState,
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> dict[str, Tensor]:
        due, held = carried.begin_step(ids, observation["subtask_mask"])
        seen = to_device({**observation, **held}, self._device)
        held = {key: seen[key] for key in held}
        held |= self._decide(due, held, seen, generator, exploration)
        nobody = torch.full_like(held["last_action"], -1)
        utilities, memory = acting_utilities(
            self._model.value_network,
            seen["entities"],
            held["last_action"],
            seen["entity_mask"],
            seen["obs_mask"],
            seen["entity_subtask"],
            nobody,
            self._sizes.subtasks,
            strategy=held.get("strategy"),
            memory=held["memory"],
        )
        action = epsilon_greedy(utilities, seen["action_mask"], exploration.get("eps", 0.0), generator)
        held = to_host({**held, "last_action": action, "memory": memory})
        carried.end_step(ids, due, **held)
        action = held["last_action"]
        return {"allocation": torch.full_like(action, -1), "decision": due, "action": action}

    def _decide(
        self,
        due: Tensor,
        held: dict[str, Tensor],
        observation: dict[str, Tensor],
        generator: torch.Generator,
        exploration: Mapping[str, float],
    ) -> dict[str, Tensor]:
        """Held values (n, ...) that change before the agents act, where ``due`` (n,) bool on the CPU."""
        return {}


@POLICY_REGISTRY.register("aqmix_command")
class AqmixCommandPolicy(AqmixPolicy, ExplorationCommand):
    """`AqmixPolicy` with the schedule of exploration."""
