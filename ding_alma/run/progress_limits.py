"""The console's progress knows the limits of the command ``ding`` that is running; others are put into its options."""

from easydict import EasyDict

PROGRESS_PATH = ("policy", "learn", "learner", "hook", "progress", "ext_args")


def progress_options(config: EasyDict) -> EasyDict:
    """Options of the hook; an empty block where the config has none."""
    node = config
    for name in PROGRESS_PATH:
        node = node.get(name, EasyDict())
    return node


def tell_progress(main: EasyDict, merged: EasyDict, env_steps: int, train_iters: int = 0) -> None:
    """Write into ``main`` where a run ends, if its merged config shows progress; 0 = unknown."""
    if "progress" not in merged.policy.learn.learner.hook:
        return
    node = main
    for name in PROGRESS_PATH:
        node = node.setdefault(name, EasyDict())
    node.update(total_env_steps=env_steps, total_train_iters=train_iters)
