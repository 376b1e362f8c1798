"""DI-engine's collector of episodes, with a call per batch of environments where it has one per environment."""

import time
from typing import Any

import numpy as np
from ding.utils import SERIAL_COLLECTOR_REGISTRY
from ding.worker import EpisodeSerialCollector

from ding_alma.policy.batch_mode import BatchMode


@SERIAL_COLLECTOR_REGISTRY.register("episode_batch")
class BatchEpisodeCollector(EpisodeSerialCollector):
    """Collects the same episodes in the same order, and counts and logs the same, at a fraction of the time.

    That needs the environment manager ``vector`` and a policy with a `BatchMode`. With others, or where DI-engine's
    options ask for single transitions, it is DI-engine's collector.
    """

    def collect(
        self, n_episode: int | None = None, train_iter: int = 0, policy_kwargs: dict[str, Any] | None = None
    ) -> list[Any]:
        """``n_episode`` episodes (default: the policy's), as the policy makes samples of them."""
        mode = self._batch_mode()
        if mode is None:
            return super().collect(n_episode, train_iter, policy_kwargs)
        wanted = self._default_n_episode if n_episode is None else n_episode
        if wanted is None or wanted < self._env_num:
            raise ValueError(f"n_episode must be at least the number of environments, {self._env_num}, got {wanted}")
        samples = []
        playing: set[int] = set()
        to_begin = to_end = wanted
        seconds, steps = np.zeros(self._env_num), np.zeros(self._env_num, np.int64)
        while to_end:
            started = time.perf_counter()
            ready = set(self._env.ready_obs_id).difference(playing)
            # As DI-engine chooses among them, so that the episodes are the same.
            playing |= set(list(ready)[:to_begin])
            to_begin -= min(len(ready), to_begin)
            ids = np.array(sorted(playing))
            actions = mode.forward(ids, self._env.ready_batch(ids, mode.keys), **(policy_kwargs or {}))
            step = self._env.step_batch(ids, actions)
            mode.end_step(ids, step)
            self._total_envstep_count += len(ids)
            ended = ids[step.done].tolist()
            for env in ended:
                samples += self._policy.get_train_sample([{"env_id": env}])
            if ended:
                self._policy.reset(ended)
            steps[ids] += 1
            seconds[ids] += (time.perf_counter() - started) / len(ids)
            for env, row in zip(ended, np.flatnonzero(step.done).tolist(), strict=True):
                reward = self._env.episode_return(step.episode_info[row])
                self._episode_info.append({"reward": reward, "time": float(seconds[env]), "step": int(steps[env])})
                seconds[env] = steps[env] = 0
            playing.difference_update(ended)
            to_end -= len(ended)
            self._total_episode_count += len(ended)
        self._output_log(train_iter)
        return samples

    def _batch_mode(self) -> BatchMode | None:
        options = self._cfg
        if not (hasattr(self._env, "step_batch") and options.get_train_sample) or options.reward_shaping:
            return None
        try:
            return self._policy.get_attribute("batch_mode")
        except NotImplementedError:
            return None
