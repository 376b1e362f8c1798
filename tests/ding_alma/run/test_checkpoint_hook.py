from types import SimpleNamespace

import pytest
import torch
from ding.worker.learner.learner_hook import build_learner_hook_by_cfg
from easydict import EasyDict

import ding_alma.plugin  # noqa: F401  (registers the hooks)
from ding_alma.run.checkpoint import LAST_CHECKPOINT
from ding_alma.run.checkpoint_hook import AtomicSaveCkptHook


class FakeEngine:
    rank = 0
    instance_name = "learner"
    ckpt_name = None

    def __init__(self, exp_name, iteration=0, value=1.0):
        self.exp_name = exp_name
        self.last_iter = SimpleNamespace(val=iteration)
        self.collector_envstep = 10 * iteration
        self.policy = SimpleNamespace(state_dict=lambda: {"model": {"w": torch.full((2,), value)}})

    def info(self, message):
        pass


@pytest.fixture
def hooks():
    cfg = EasyDict(load_ckpt_before_run="", log_show_after_iter=9, save_ckpt_after_iter=5, save_ckpt_after_run=True)
    return build_learner_hook_by_cfg(cfg)


def find(hooks, position, name):
    return next(hook for hook in hooks[position] if hook.name == name)


def test_simplified_keys_build_the_atomic_hook(hooks):
    assert isinstance(find(hooks, "after_iter", "save_ckpt_after_iter"), AtomicSaveCkptHook)
    assert isinstance(find(hooks, "after_run", "save_ckpt_after_run"), AtomicSaveCkptHook)


def test_saves_at_its_frequency_and_keeps_the_last(hooks, tmp_path):
    hook = find(hooks, "after_iter", "save_ckpt_after_iter")
    for iteration in range(8):
        hook(FakeEngine(str(tmp_path), iteration, float(iteration)))
    names = {path.name for path in (tmp_path / "ckpt").iterdir()}
    assert names == {"iteration_0.pth.tar", "iteration_5.pth.tar", LAST_CHECKPOINT}
    last = torch.load(tmp_path / "ckpt" / LAST_CHECKPOINT, weights_only=True)
    assert last["last_iter"] == 5 and last["last_step"] == 50
    assert last["model"]["w"].tolist() == [5.0, 5.0]
    first = torch.load(tmp_path / "ckpt" / "iteration_0.pth.tar", weights_only=True)
    assert first["model"]["w"].tolist() == [0.0, 0.0]


def test_other_ranks_save_nothing(hooks, tmp_path):
    engine = FakeEngine(str(tmp_path))
    engine.rank = 1
    find(hooks, "after_run", "save_ckpt_after_run")(engine)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_dies_leaves_the_old_files(hooks, tmp_path, monkeypatch):
    hook = find(hooks, "after_run", "save_ckpt_after_run")
    engine = FakeEngine(str(tmp_path), value=1.0)
    hook(engine)
    engine.ckpt_name = "ckpt_best.pth.tar"
    hook(engine)

    def die(data, file):
        file.write(b"half a check")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", die)
    worse = FakeEngine(str(tmp_path), value=2.0)
    for name in (None, "ckpt_best.pth.tar"):
        worse.ckpt_name = name
        with pytest.raises(KeyboardInterrupt):
            hook(worse)
    names = ("ckpt_best.pth.tar", LAST_CHECKPOINT, "iteration_0.pth.tar")
    assert {path.name for path in (tmp_path / "ckpt").iterdir()} == {*names}
    for name in names:
        assert torch.load(tmp_path / "ckpt" / name, weights_only=True)["model"]["w"].tolist() == [1.0, 1.0]


def test_a_checkpoint_with_a_name_of_its_own_is_not_the_last(hooks, tmp_path):
    hook = find(hooks, "after_run", "save_ckpt_after_run")
    hook(FakeEngine(str(tmp_path), 5))
    best = FakeEngine(str(tmp_path), 7)
    best.ckpt_name = "ckpt_best.pth.tar"
    hook(best)
    assert torch.load(tmp_path / "ckpt" / LAST_CHECKPOINT, weights_only=True)["last_iter"] == 5


class FakeRun:
    """Stands for a serial run, which saves between iterations."""

    env_step = 77
    was_saved = 0

    def state(self):
        return {"random": 5}

    def saved(self):
        self.was_saved += 1


def test_a_serial_run_saves_between_iterations_with_its_state(hooks, tmp_path):
    hook = find(hooks, "after_iter", "save_ckpt_after_iter")
    engine = FakeEngine(str(tmp_path))
    engine.run = FakeRun()
    for iteration in (0, 3, 7, 9, 14, 16):
        engine.last_iter.val = iteration
        hook(engine)
        hook.save_if_due(engine)
    numbers = {path.name for path in (tmp_path / "ckpt").iterdir()}
    assert numbers == {f"iteration_{iteration}.pth.tar" for iteration in (0, 7, 14, 16)} | {LAST_CHECKPOINT}
    last = torch.load(tmp_path / "ckpt" / LAST_CHECKPOINT, weights_only=True)
    assert (last["last_iter"], last["last_step"], last["run"]) == (16, 77, {"random": 5})
    assert engine.run.was_saved == 4


def test_long_iterations_are_saved_by_time(hooks, tmp_path):
    hook = find(hooks, "after_iter", "save_ckpt_after_iter")
    hook._saved_at, times = 0.0, [0.0]
    hook.clock = lambda: times[-1]
    engine = FakeEngine(str(tmp_path))
    engine.run = FakeRun()
    hook.save_if_due(engine)
    kept = []
    for iteration, seconds in enumerate((299.0, 301.0, 302.0, 600.0, 800.0, 1099.0, 1101.0), 1):
        times.append(seconds)
        engine.last_iter.val = iteration
        hook.save_if_due(engine)
        kept.append(torch.load(tmp_path / "ckpt" / LAST_CHECKPOINT, weights_only=True)["last_iter"])
    assert kept == [0, 2, 2, 2, 5, 5, 7]
    assert {path.name for path in (tmp_path / "ckpt").glob("it*")} == {"iteration_0.pth.tar", "iteration_5.pth.tar"}


def test_works_without_hard_links(hooks, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("no hard links here")

    monkeypatch.setattr("os.link", refuse)
    find(hooks, "after_run", "save_ckpt_after_run")(FakeEngine(str(tmp_path), 3))
    assert torch.load(tmp_path / "ckpt" / LAST_CHECKPOINT, weights_only=True)["last_iter"] == 3
