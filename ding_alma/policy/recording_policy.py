"""What all policies share that record whole episodes while they act: checked configs, hooks, random streams."""

import functools
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from ding.policy import Policy
from ding.utils import get_world_size
from easydict import EasyDict

from ding_alma.policy.config_check import Ranges, check_policy_config, check_ranges, check_ranges_exist


class RecordingPolicy(Policy):
    """Root of the family whose members may be swapped for each other in one config.

    Subclasses define ``config``, `observation_keys`, `_create_model`, how they act and how they learn; an attribute
    ``_recorder`` holds the episodes that run.
    """

    config: ClassVar[dict[str, Any]] = dict(
        learn=dict(
            learner=dict(
                # (bool) Print the networks at the start.
                log_policy=False,
                hook=dict(
                    # (int) Learner iterations between checkpoints; the newest is also ckpt_last.pth.tar.
                    save_ckpt_after_iter=1000,
                    # (dict) The run's record: its config, its evaluations, the paper's names in tensorboard.
                    run_record=dict(type="run_record", name="run_record", position="before_run", priority=30),
                    # (dict) Progress on the console.
                    progress=dict(type="progress", name="progress", position="before_run", priority=30),
                ),
            ),
        ),
    )

    ranges: ClassVar[Ranges] = {}
    """Of numbers in the config; a subclass states those of the keys that it adds."""

    unread: ClassVar[tuple[str, ...]] = (
        "nstep",
        "priority",
        "priority_IS_weight",
        "unroll_len",
        "collect.n_sample",
        "learn.epoch_per_collect",
        "learn.ignore_done",
        "learn.train_epoch",
    )
    """Keys that DI-engine knows and this policy does not read: a config may have them, the command line may not."""

    has_fixed_form: ClassVar[bool] = False
    """Updates, or the minibatches that they consist of, come in one form or in few sizes, so that they can be captured
    (``learn.capture``)."""

    _version = 0
    """Of the networks, where a policy compares it with that of its data; collectors in other processes follow it."""

    def __init__(
        self, cfg: EasyDict, model: torch.nn.Module | None = None, enable_field: list[str] | None = None
    ) -> None:
        if get_world_size() > 1 and not cfg.get("multi_gpu", False):
            raise ValueError(
                f"{get_world_size()} processes learn together, so policy.multi_gpu must be True; see docs/scale.md"
            )
        if cfg.get("multi_gpu", False) and not torch.distributed.is_initialized():
            raise ValueError(
                "policy.multi_gpu = True is for processes that learn together: start them by torchrun, docs/scale.md"
            )
        defaults = self.default_config()
        check_policy_config(cfg, defaults, sibling_defaults())
        for base in reversed(type(self).__mro__):
            ranges = vars(base).get("ranges", {})
            check_ranges_exist(defaults, ranges, base.__name__)
            check_ranges(cfg, ranges)
        self.check_values(cfg)
        if cfg.learn.get("capture") and (enable_field is None or "learn" in enable_field):
            self.check_capture(cfg)
        self._read_config(cfg)
        super().__init__(cfg, model, enable_field)

    def observation_keys(self) -> tuple[str, ...]:
        """Keys of the observation that acting reads."""
        raise NotImplementedError

    def check_values(self, cfg: EasyDict) -> None:
        """Raise a ValueError for an impossible value in a config whose keys and types are known to be right."""

    @classmethod
    def check_capture(cls, cfg: EasyDict) -> None:
        """Raise a ValueError where an update cannot be captured; who only plays may have such a config."""
        if not cls.has_fixed_form:
            raise ValueError(
                f"policy.learn.capture = True, but updates of {cfg.type} have no fixed form; set it to False"
            )
        if not cfg.cuda:
            raise ValueError("policy.learn.capture = True needs policy.cuda = True: only a GPU's work can be captured")
        if cfg.get("multi_gpu", False):
            raise ValueError("policy.learn.capture = True is for one GPU; set it to False with policy.multi_gpu = True")

    def _read_config(self, cfg: EasyDict) -> None:
        """Keep what building the model needs; ``self._cfg`` is not there yet."""

    def _average_gradients(self, network: torch.nn.Module) -> None:
        """In data parallel learning, average the gradients over the processes; otherwise do nothing.

        Each process must hold a gradient for every parameter, used in this update or not.
        """
        if not self._cfg.multi_gpu:
            return
        for parameter in network.parameters():
            if parameter.requires_grad and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.sync_gradients(network)

    def _new_generator(self) -> torch.Generator:
        """A random stream of its own, started from the one DI-engine seeds."""
        return torch.Generator().manual_seed(int(torch.randint(2**62, ())))

    def _random_states(self) -> dict[str, Any]:
        """States of the streams that exist, for a checkpoint."""
        return {
            name: getattr(self, f"_{name}_generator").get_state()
            for name in ("learn", "collect", "eval")
            if hasattr(self, f"_{name}_generator")
        }

    def _load_random_states(self, states: dict[str, Any]) -> None:
        """Continue the streams that exist from what `_random_states` returned."""
        for name in ("learn", "collect", "eval"):
            if name in states and hasattr(self, f"_{name}_generator"):
                getattr(self, f"_{name}_generator").set_state(states[name])

    def _get_train_sample(self, transitions: list[dict[str, Any]]) -> list[Any]:
        return [self._recorder.take(transitions[-1]["env_id"])]

    def _load_state_dict_collect(self, state_dict: dict[str, Any]) -> None:
        self._model.load_state_dict(state_dict["model"])
        self._version = state_dict["version"]

    def _state_dict_collect(self) -> dict[str, Any]:
        return {"model": self._model.state_dict(), "version": self._version}

    def _load_state_dict_eval(self, state_dict: dict[str, Any]) -> None:
        self._model.load_state_dict(state_dict["model"])

    def _state_dict_eval(self) -> dict[str, Any]:
        return {"model": self._model.state_dict()}


def sibling_defaults() -> Iterator[EasyDict]:
    """The default configs of all policies that may be swapped for each other in one config, not to be changed."""
    return (_defaults(policy) for policy in _subclasses(RecordingPolicy))  # type: ignore[arg-type]  # classes are hashable


@functools.cache
def _defaults(policy: type[RecordingPolicy]) -> EasyDict:
    return policy.default_config()


def _subclasses(policy: type[RecordingPolicy]) -> Iterator[type[RecordingPolicy]]:
    for subclass in policy.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
