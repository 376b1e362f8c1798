"""Checkpoints between a serial run's iterations, where no episode is under way, and the way back from them."""

import logging
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from ding.policy import get_policy_cls
from ding.utils import broadcast_object_list, get_world_size
from ding.worker.coordinator.base_serial_commander import BaseSerialCommander
from ding.worker.learner.learner_hook import LearnerHook
from easydict import EasyDict

from ding_alma.atomic_file import sweep_unfinished
from ding_alma.monitor.evaluation import Evaluation, announce, announce_start, mean_metrics
from ding_alma.monitor.log_guard import CloseLogsHook, guard_logs
from ding_alma.policy.episode_policy import EpisodePolicy
from ding_alma.replay.memory import describe_need, step_bytes
from ding_alma.run.checkpoint_hook import AtomicSaveCkptHook
from ding_alma.run.config_shape import default_config
from ding_alma.run.ding_keys import check_device, check_ding_values
from ding_alma.run.environment_guard import GuardedEnvironments, close_environments
from ding_alma.run.faults import GuardedLearner
from ding_alma.run.run_config import RUN_CONFIG_NAME, create_part, read_merged_config
from ding_alma.run.run_error import RunError
from ding_alma.run.run_lock import ReleaseHook, acquire, release
from ding_alma.run.run_state import (
    COLLECTOR,
    EVALUATOR,
    plain,
    random_states,
    set_random_states,
    set_streams,
    set_worker_state,
    streams,
    worker_state,
)
from ding_alma.run.stop_request import StopRequest, exit_status, name_of, tell
from dizoo_ext.trusted_imports import trust_options

BEFORE_SAVING = 10
"""Priority in ``after_run``: DI-engine's save_ckpt has 20."""
AFTER_ALL = 1000
"""Priority in ``after_run``: behind everything that writes."""


class CloseEnvironmentsHook(LearnerHook):
    """Closes environments at the end of a run: left to the interpreter's end, their processes are gone before them."""

    def __call__(self, engine: Any) -> None:
        """Close collector's and evaluator's."""
        engine.run.close_environments()


class Evaluations:
    """An evaluator's results: told to whoever listens, and the last one handed to DI-engine's loop once more.

    The loop needs one at its end. A resumed run that is not due to evaluate would have none.

    Args:
        evaluator: DI-engine's, whose ``should_eval`` and ``eval`` are replaced.
        learner: see `announce`.
        between: called after an evaluation that does not end the run.
    """

    def __init__(self, evaluator: Any, learner: Any, between: Callable[[], None]) -> None:
        self._learner, self._between = learner, between
        self._is_due, self._evaluate = evaluator.should_eval, evaluator.eval
        evaluator.should_eval, evaluator.eval = self._should_eval, self._eval
        self.result: Any = None
        self._train_iter = -1
        self._is_wanted = False
        self._is_given = False

    def restore(self, result: Any) -> None:
        """Take up the result of the run so far; None if there was no evaluation yet."""
        self.result = result
        self._is_wanted = result is not None

    def finish(self, save_checkpoint: Callable[..., None], train_iter: int, env_step: int) -> None:
        """Evaluate what a run ends with, unless that has just been done."""
        if train_iter != self._train_iter:
            self._judge("the trained team", save_checkpoint, train_iter, env_step)

    def _should_eval(self, train_iter: int) -> bool:
        is_due = self._is_due(train_iter)
        self._is_given = self._is_wanted and not is_due
        self._is_wanted = False
        return is_due or self._is_given

    def _eval(
        self, save_checkpoint: Callable[..., None] | None = None, train_iter: int = -1, env_step: int = -1, **more: Any
    ) -> tuple[bool, Any]:
        if self._is_given:
            return False, self.result
        what = "the untrained team" if train_iter == 0 else f"after {env_step:,} environment steps"
        stop = self._judge(what, save_checkpoint, train_iter, env_step, **more)
        if not stop:
            self._between()
        return stop, self.result

    def _judge(self, what: str, save_checkpoint: Any, train_iter: int, env_step: int, **more: Any) -> bool:
        announce_start(self._learner, what)
        started = time.monotonic()
        stop, self.result = self._evaluate(save_checkpoint, train_iter, env_step, **more)
        self._train_iter = train_iter
        metrics = mean_metrics(self.result) | {"evaluate_time": time.monotonic() - started}
        announce(self._learner, Evaluation(env_step, train_iter, metrics))
        return stop


class FinalEvaluation(LearnerHook):
    """Judges what a run ends with (position after_run)."""

    def __call__(self, engine: Any) -> None:
        """Evaluate."""
        engine.run.evaluate_at_end()


class CheckpointCommander(BaseSerialCommander):
    """DI-engine's commander, which its serial entries ask once before every iteration.

    It alone knows all workers, and is asked when a collection and its updates are over: there it saves what
    `AtomicSaveCkptHook` finds due, with the whole state of the run, there a resumed run goes on, and there (or before
    the collection, if an evaluation comes between) one ends that a signal has asked to.
    """

    def __init__(self, cfg: Any, learner: Any, collector: Any, evaluator: Any, *rest: Any) -> None:
        super().__init__(cfg, learner, collector, evaluator, *rest)
        self._evaluations = Evaluations(evaluator, learner, self._end_if_asked)
        self._has_begun = False
        self._stop: StopRequest | None = None
        learner.run = self
        learner.register_hook(FinalEvaluation("final_evaluation", BEFORE_SAVING, position="after_run"))
        if learner.rank == 0:
            acquire(learner.exp_name)
            learner.register_hook(ReleaseHook("release", AFTER_ALL, position="after_run"))
        learner.register_hook(CloseLogsHook("close_logs", AFTER_ALL, position="after_run"))
        learner.register_hook(CloseEnvironmentsHook("close_environments", AFTER_ALL, position="after_run"))
        GuardedLearner(learner)
        if learner.tb_logger is not None:
            guard_logs(learner.tb_logger, learner.logger, collector._logger, evaluator._logger)
        self._collecting = GuardedEnvironments(collector, "collect", evaluator)
        self._evaluating = GuardedEnvironments(evaluator, "eval", collector)
        if learner.rank == 0:
            merged = read_merged_config(learner.exp_name)
            self._check_config(merged)
            self._resume_options = trust_options(merged)
            self._tell_memory()

    def step(self) -> dict[str, Any]:
        """Go on where a checkpoint left off, save one if it is time; returns what DI-engine's commander does.

        Raises a SystemExit if a signal has asked the run to end.
        """
        if not self._has_begun:
            self._has_begun = True
            self._begin()
            self._first_iter, self._first_step = self._learner.train_iter, self.env_step
            self._listen(sys._getframe(1))
        for hook in self._saving_hooks():
            hook.save_if_due(self._learner)
        self._end_if_asked()
        return super().step()

    @property
    def env_step(self) -> int:
        """Environment steps of the run."""
        return self._collector.envstep

    def evaluate_at_end(self) -> None:
        """Evaluate once more; to a run that is resumed for more steps it is as if this had not been."""
        self._tell_if_nothing_was_learnt()
        learner, environments = self._learner, self._evaluator._env
        with self._evaluating.waiting():
            evaluator_streams = streams(environments, "stream_state")
        states = random_states()
        generator = _eval_generator(self._evaluator._policy)
        drawn = None if generator is None else generator.get_state()
        self._evaluations.finish(learner.save_checkpoint, learner.train_iter, self.env_step)
        set_streams(environments, evaluator_streams)
        set_random_states(states)
        if generator is not None and drawn is not None:
            generator.set_state(drawn)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the policy, in plain values."""
        with self._collecting.waiting():
            collector_streams = streams(self._collector._env, "episode_stream_state")
        with self._evaluating.waiting():
            evaluator_streams = streams(self._evaluator._env, "stream_state")
        return {
            "random": random_states(),
            "collector": worker_state(self._collector, COLLECTOR),
            "collector_streams": collector_streams,
            "evaluator": worker_state(self._evaluator, EVALUATOR),
            "evaluator_streams": evaluator_streams,
            "evaluation": plain(self._evaluations.result),
            "replay": self._replay_buffer.commit() if hasattr(self._replay_buffer, "commit") else None,
        }

    def saved(self) -> None:
        """The checkpoint with the last `state` is on the disk."""
        if hasattr(self._replay_buffer, "forget"):
            self._replay_buffer.forget()

    def _check_config(self, merged: EasyDict) -> None:
        """Check what DI-engine does not; a resumed run's values have been, and it may have moved to another machine.

        Raises a ValueError or a TypeError that names the key.
        """
        check_ding_values(merged, default_config(EasyDict(create_part(merged))))
        if not merged.policy.learn.get("resume_training", False):
            check_device(merged.policy)
        elif merged.policy.cuda and not torch.cuda.is_available():
            logging.warning("policy.cuda = True, but torch finds no GPU: the run goes on on the CPU")

    def close_environments(self) -> None:
        """Of collector and evaluator, which play no more."""
        for worker in (self._collector, self._evaluator):
            close_environments(worker._env)

    def _saving_hooks(self) -> list[AtomicSaveCkptHook]:
        return [hook for hook in self._learner._hooks["after_iter"] if isinstance(hook, AtomicSaveCkptHook)]

    def _listen(self, pipeline: FrameType) -> None:
        """Take signals for requests to stop as long as DI-engine's ``pipeline`` runs, however that ends."""
        code = pipeline.f_code

        def is_running(frame: FrameType | None) -> bool:
            while frame is not None and frame.f_code is not code:
                frame = frame.f_back
            return frame is not None

        def say(number: int) -> None:
            tell(f"{name_of(number)}: the run ends after this iteration and its checkpoint; once more ends it at once")

        self._stop = StopRequest(say, is_running=is_running)
        self._stop.install()

    def _end_if_asked(self) -> None:
        """Save and end, if there was a signal; with several learners, if the first one had it.

        Raises a SystemExit, whose code shells take for that signal's.
        """
        asked = [None if self._stop is None else self._stop.number]
        if get_world_size() > 1:
            broadcast_object_list(asked, src=0)
        (number,) = asked
        if number is None:
            return
        learner = self._learner
        (saving, *_) = self._saving_hooks() or [AtomicSaveCkptHook("save_ckpt_at_stop", 0, position="after_iter")]
        path = saving.save_last(learner)
        for worker in (self._collector, self._evaluator, learner):
            worker.close()
        if learner.rank == 0:
            release(learner.exp_name)
            tell(
                f"{name_of(number)}: saved {path} after {learner.train_iter:,} updates and {self.env_step:,} "
                f"environment steps; go on with {_resumption(Path(learner.exp_name), path, self._resume_options)}"
            )
        raise SystemExit(exit_status(number))

    def _tell_memory(self) -> None:
        cfg = self._learner.policy.get_attribute("cfg")
        sizes = getattr(self._collector._env.env_ref, "entity_spec", None)
        if sizes is None or not issubclass(get_policy_cls(cfg), EpisodePolicy):
            return
        replay = cfg.other.replay_buffer
        shapes = {key: space.shape for key, space in sizes.observation_space("both").spaces.items()}
        per_step = step_bytes(shapes, cfg.entity.get("tie_actions", False))
        device, persist = replay.get("device", "cpu"), replay.get("persist", False)
        try:
            print(describe_need(replay.replay_buffer_size, sizes.episode_limit, per_step, device, persist), flush=True)
        except MemoryError as error:
            raise RunError(str(error)) from error

    def _tell_if_nothing_was_learnt(self) -> None:
        learner, replay = self._learner, self._replay_buffer
        if learner.rank == 0 and replay is not None and learner.train_iter == self._first_iter:
            size = learner.policy.get_attribute("cfg").learn.batch_size
            logging.warning(
                f"no update was made in {self.env_step - self._first_step:,} environment steps: the replay buffer "
                f"holds {replay.count()} samples, and a batch takes {size}; train for longer, or lower "
                "policy.learn.batch_size"
            )

    def _begin(self) -> None:
        learner = self._learner
        if learner.rank != 0 or not learner.policy.get_attribute("cfg").learn.get("resume_training", False):
            return
        sweep_unfinished(learner.exp_name)
        if not hasattr(learner, "loaded_run"):
            # A run that died before its first checkpoint.
            return
        state = learner.loaded_run
        if state is None:
            # Far enough in the past: an evaluation is due, which the end of DI-engine's loop needs.
            self._evaluator._last_eval_iter = float("-inf")
            logging.warning("the checkpoint holds the policy alone: environments and replay buffer start anew")
            return
        set_worker_state(self._collector, state["collector"])
        set_worker_state(self._evaluator, state["evaluator"])
        self._evaluations.restore(state["evaluation"])
        set_streams(self._evaluator._env, state["evaluator_streams"])
        set_streams(self._collector._env, state["collector_streams"])
        # The evaluator resets its environments itself.
        self._collector._env.reset()
        if state["replay"] is not None and hasattr(self._replay_buffer, "restore"):
            try:
                for line in self._replay_buffer.restore(state["replay"]):
                    logging.warning(f"the replay buffer starts with fewer episodes: {line}")
            except ValueError as error:
                logging.warning(f"the replay buffer starts empty: {error}")
        set_random_states(state["random"])


def _eval_generator(policy: Any) -> torch.Generator | None:
    """The stream that a policy draws evaluation's actions from; None where it has none of its own."""
    try:
        return policy.get_attribute("eval_generator")
    except (AttributeError, NotImplementedError):
        return None


def _resumption(folder: Path, checkpoint: Path, options: str) -> str:
    """How to go on with a run, in words that fit the end of a sentence."""
    if (folder / RUN_CONFIG_NAME).is_file():
        return f"ding-alma train --resume {shlex.quote(str(folder))}{options}"
    return (
        "policy.learn.resume_training = True and policy.learn.learner.hook.load_ckpt_before_run = "
        f"{str(checkpoint)!r} in the config"
    )
