"""What a training run leaves behind and shows while it runs, as hooks of DI-engine's learner."""

import atexit
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ding.worker.learner.learner_hook import LearnerHook, register_learner_hook
from easydict import EasyDict

from ding_alma.monitor.console import LiveLine, PlainLines, QuietConsole, progress_display
from ding_alma.monitor.evaluation import Evaluation, listen, listen_to_starts
from ding_alma.monitor.progress import Limits, ProgressMeter, command_line_limits, duration, headline
from ding_alma.monitor.scalars import ScalarTap, TrainingMeans, mirror_paper_tags
from ding_alma.monitor.tracker import TRACKERS, track
from ding_alma.run.plain_values import plain_values
from ding_alma.run.run_config import write_run_config
from ding_alma.run.run_error import RunError
from ding_alma.run.run_record import RECORD_NAME, Reached, RunRecord
from ding_alma.run.scenario_text import scenario_name
from ding_alma.setting.registered import plain_type
from dizoo_ext.compilation import tell_of_compilation
from dizoo_ext.strict_config import check_block, check_choice, check_range

AFTER_LOADING = 30
"""Priority in ``before_run``: DI-engine's load_ckpt has 20."""
BEFORE_LOG_SHOW = 10
"""Priority in ``after_iter``: DI-engine's log_show has 20."""
LAST = 100
MINIBATCH_LISTENER = "minibatch_listener"
"""Attribute of policies: what they call during a long update, with minibatches done and to be done."""

PROGRESS_DEFAULTS = dict(
    # (int) Environment steps of the whole run, 0 = unknown. A limit on ding's command line goes before it.
    total_env_steps=0,
    # (int) Learner iterations of the whole run, 0 = unknown.
    total_train_iters=0,
    # (str) 'auto': one live line in a terminal, plain lines elsewhere. 'plain': always plain lines. 'off': nothing.
    style="auto",
    # (float) Seconds between plain lines.
    interval=30.0,
    # (bool) Whether to keep DI-engine's information messages off the terminal; its log files stay complete.
    quiet=True,
)


class CallbackHook(LearnerHook):
    """Calls a function with no arguments."""

    def __init__(self, name: str, priority: float, position: str, function: Callable[[], None]) -> None:
        super().__init__(name, priority, position=position)
        self._function = function

    def __call__(self, engine: Any) -> None:
        """Call it."""
        self._function()


class RunRecordHook(LearnerHook):
    """Keeps the run's configuration, its evaluations and the reference's tensorboard names (position before_run)."""

    def __init__(self, *args: Any, ext_args: EasyDict | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_block(ext_args or {}, {}, "policy.learn.learner.hook.run_record.ext_args")

    def __call__(self, engine: Any) -> None:
        """Begin, or go on after a resume."""
        if engine.rank != 0:
            return
        run_dir = Path(engine.exp_name).absolute()
        merged = write_run_config(run_dir)
        header = {
            "format": 1,
            "name": run_dir.name,
            "env": merged.env.type,
            "scenario": scenario_name(merged.env),
            "policy": plain_type(merged.policy.type),
            "seed": merged.seed,
        }
        record = RunRecord(
            run_dir / RECORD_NAME, header, _first_env_step(engine), engine.train_iter, _is_resumed(engine)
        )
        tap = ScalarTap.on(engine.tb_logger)
        mirror_paper_tags(tap)
        self._track(engine, run_dir, merged, tap)
        means = TrainingMeans()
        tap.listeners.append(means)
        listen(engine, lambda evaluation: record.add(replace(evaluation, training=means.take())))
        reached = Reached(run_dir)

        def note() -> None:
            reached.note(engine.collector_envstep)

        def note_end() -> None:
            reached.note(_env_step(engine), at_once=True)

        engine.register_hook(CallbackHook(f"{self.name}_after_iter", LAST, "after_iter", note))
        engine.register_hook(CallbackHook(f"{self.name}_after_run", LAST, "after_run", note_end))

    def _track(self, engine: Any, run_dir: Path, merged: EasyDict, tap: ScalarTap) -> None:
        tracker = merged.policy.learn.get("tracker", TRACKERS[0])
        if tracker == "wandb":
            try:
                finish = track(run_dir, plain_values(merged), tap)
            except Exception as error:
                reason = " ".join(str(error).split())
                raise RunError(
                    f"policy.learn.tracker = 'wandb' cannot begin ({reason}); log in with `wandb login`, set "
                    "WANDB_MODE=offline, or leave the key at 'tensorboard'"
                ) from error
            _until_the_end(engine, f"{self.name}_tracker", lambda: None, finish)


class ProgressHook(LearnerHook):
    """Shows progress and remaining time (position before_run)."""

    def __init__(self, *args: Any, ext_args: EasyDict | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        path = "policy.learn.learner.hook.progress.ext_args"
        check_block(ext_args or {}, PROGRESS_DEFAULTS, path)
        self._options = EasyDict(PROGRESS_DEFAULTS | (ext_args or {}))
        check_choice(self._options.style, ("auto", "plain", "off"), f"{path}.style")
        check_range(self._options.total_env_steps, f"{path}.total_env_steps", minimum=0)
        check_range(self._options.total_train_iters, f"{path}.total_train_iters", minimum=0)
        check_range(self._options.interval, f"{path}.interval", minimum=0)

    def __call__(self, engine: Any) -> None:
        """Begin to show."""
        options = self._options
        if engine.rank != 0 or options.style == "off":
            return
        meter = ProgressMeter(command_line_limits(Limits(options.total_env_steps, options.total_train_iters)))
        meter.update(_first_env_step(engine), engine.train_iter)
        quiet = QuietConsole()
        if options.quiet:
            quiet.begin()
        display = (
            progress_display(meter, options.interval)
            if options.style == "auto"
            else PlainLines(meter, options.interval)
        )
        display.say(f"Run folder: {engine.exp_name} (full logs in {engine.exp_name}/log)")
        if _is_resumed(engine):
            lost = max(Reached(engine.exp_name).read() - meter.env_step, 0)
            display.say(f"Resuming at step {meter.env_step:,}, {lost:,} steps lost")

        def on_scalar(tag: str, value: float, step: int) -> None:
            if tag == "learner_step/epsilon_avg" and math.isfinite(value):
                meter.epsilon = value
            if tag.startswith("collector_step/"):
                meter.update(step, engine.train_iter)
                display.tick()

        def on_evaluation_start(what: str) -> None:
            meter.evaluating = what
            if isinstance(display, PlainLines) and (meter.evaluation is None or is_slow(meter.evaluation)):
                display.say(f"Evaluating {what} ...")
            elif isinstance(display, LiveLine):
                display.show()

        def is_slow(evaluation: Evaluation) -> bool:
            return evaluation.metrics.get("evaluate_time", 0.0) >= options.interval

        def on_evaluation(evaluation: Evaluation) -> None:
            meter.evaluation, meter.evaluating = evaluation, ""
            display.say(f"Evaluation at {evaluation.env_step:,} env steps: {headline(evaluation)}")

        def tick() -> None:
            meter.update(max(engine.collector_envstep, meter.env_step), engine.train_iter)
            display.tick()

        def on_minibatch(done: int, total: int) -> None:
            meter.learning.update(done, total)
            display.tick()
            if done == total and meter.learning.seconds >= options.interval:
                display.say(f"An update of {total:,} minibatches took {duration(meter.learning.seconds)}")

        def close() -> None:
            # A run without updates has told the learner of no steps.
            meter.update(max(meter.env_step, _env_step(engine)), engine.train_iter)
            display.close()
            quiet.end()

        listen(engine, on_evaluation)
        listen_to_starts(engine, on_evaluation_start)
        tell_of_compilation(display.say)
        ScalarTap.on(engine.tb_logger).listeners.append(on_scalar)
        engine.policy.set_attribute(MINIBATCH_LISTENER, on_minibatch)
        _until_the_end(engine, self.name, tick, close)


def _first_env_step(engine: Any) -> int:
    """Where DI-engine's collector begins to count: only a resumed run goes on from the checkpoint's step."""
    return engine.collector_envstep if _is_resumed(engine) else 0


def _env_step(engine: Any) -> int:
    """Environment steps of the run; a learner is told of them with every batch."""
    run = getattr(engine, "run", None)
    return max(engine.collector_envstep, 0 if run is None else run.env_step)


def _is_resumed(engine: Any) -> bool:
    return engine.policy.get_attribute("cfg").learn.get("resume_training", False)


def _until_the_end(engine: Any, name: str, tick: Callable[[], None], close: Callable[[], None]) -> None:
    """Call ``tick`` after every iteration and ``close`` once: after the run or, if it is cut short, at exit."""

    def finish() -> None:
        atexit.unregister(finish)
        close()

    atexit.register(finish)
    engine.register_hook(CallbackHook(f"{name}_after_iter", BEFORE_LOG_SHOW, "after_iter", tick))
    engine.register_hook(CallbackHook(f"{name}_after_run", LAST, "after_run", finish))


def register_hooks() -> None:
    """Make the hooks known to DI-engine under names of their own."""
    register_learner_hook("run_record", RunRecordHook)
    register_learner_hook("progress", ProgressHook)
