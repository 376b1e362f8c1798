"""A small update as a graph of the pretended GPU: what a recording demands, and what a replay repeats."""

from dataclasses import dataclass, replace
from functools import partial

import pytest
import torch
from pretended_gpu import PretendedGpu
from torch import Tensor, nn

from ding_alma.rl.captured_update import WARM_UP, CapturedUpdate
from ding_alma.rl.optimisation import Descent, PortableOptimiser

ROWS, WIDTH = 6, 3


@dataclass(frozen=True)
class Rows:
    x: Tensor
    wanted: Tensor
    counts: Tensor
    extra: Tensor | None = None


def some_rows(generator, rows=ROWS):
    return Rows(
        torch.randn(rows, WIDTH, generator=generator),
        torch.randn(rows, generator=generator),
        torch.rand(rows, generator=generator) < 0.6,
    )


class Learner:
    """Linear regression on the rows that count."""

    def __init__(self, capture=True, capturable=True):
        torch.manual_seed(0)
        self.network = nn.Linear(WIDTH, 1).cuda()
        optimiser = partial(torch.optim.RMSprop, lr=0.1, capturable=capturable, foreach=True if capturable else None)
        self.descent = Descent(self.network, optimiser, grad_norm_clip=1.0)
        self.updates = 0
        self.captured = CapturedUpdate(self.update, "cuda") if capture else None

    def update(self, rows):
        share = rows.counts.float() / rows.counts.sum().clamp_min(1)
        loss = (share * (self.network(rows.x).squeeze(1) - rows.wanted).square()).sum()
        return {"loss": loss.detach(), "norm": self.descent.step(loss)}

    def learn(self, rows):
        self.updates += 1
        self.descent.scale_learning_rate(1 / self.updates)
        if self.captured is not None:
            return self.captured(rows)
        return self.update(Rows(rows.x.cuda(), rows.wanted.cuda(), rows.counts.cuda()))


def learnt(learner, updates):
    """Losses and gradients' norms of some updates, and the weights after them."""
    generator = torch.Generator().manual_seed(1)
    read = []
    for _ in range(updates):
        result = learner.learn(some_rows(generator))
        read.append([float(result["loss"]), float(result["norm"])])
    return read, [parameter.detach().cpu() for parameter in learner.network.parameters()]


def test_replays_learn_what_plain_updates_learn():
    with PretendedGpu() as gpu:
        plain, weights = learnt(Learner(capture=False, capturable=False), WARM_UP + 5)
        captured, found = learnt(Learner(), WARM_UP + 5)
        (graph,) = gpu.graphs
        assert graph.replays == 5
    assert captured == [pytest.approx(values, rel=1e-5) for values in plain]
    torch.testing.assert_close(found, weights, rtol=1e-5, atol=1e-6)


def test_a_replay_waits_for_nothing():
    generator = torch.Generator().manual_seed(1)
    with PretendedGpu() as gpu:
        learner = Learner()
        for _ in range(WARM_UP + 2):
            gpu.forget()
            learner.learn(some_rows(generator))
            assert not gpu.waits


def recordings(learner, number=2):
    """Descriptions of recordings made with one batch each."""
    with PretendedGpu() as gpu:
        learner = learner()
        generator = torch.Generator().manual_seed(1)
        for update in range(WARM_UP + number):
            if update > WARM_UP:
                learner.captured._graph = None
            learner.learn(some_rows(generator))
        return [graph.described() for graph in gpu.graphs]


def test_recordings_with_different_batches_are_alike():
    first, second = recordings(Learner)
    assert len(first) > 20
    assert first == second


class Mistaken(Learner):
    """Does something else in every update."""

    mistake = None

    def learn(self, rows):
        self.new_each_time = torch.zeros(WIDTH, device="cuda")
        return super().learn(rows)

    def update(self, rows):
        result = super().update(rows)
        self.mistake(rows)
        return result


@pytest.mark.parametrize(
    ("mistake", "error"),
    [
        (lambda self, rows: rows.x[rows.counts].sum(), "not permitted when stream is capturing: boolean index"),
        (lambda self, rows: rows.counts.nonzero(), "not permitted when stream is capturing: nonzero"),
        (lambda self, rows: float(rows.x.mean()), "not permitted when stream is capturing: _local_scalar_dense"),
        (lambda self, rows: rows.x.cpu(), "not permitted when stream is capturing: copy to the host"),
        (lambda self, rows: torch.tensor([1.0], device="cuda"), "not permitted when stream is capturing: tensor"),
        (lambda self, rows: rows.x + torch.ones(WIDTH).to("cuda", non_blocking=True), "a tensor of the host"),
        (lambda self, rows: rows.x.copy_(torch.ones(WIDTH), non_blocking=True), "a tensor of the host"),
        (lambda self, rows: torch.rand_like(rows.x), "draws random numbers"),
    ],
)
def test_a_recording_refuses_what_cannot_be_captured(mistake, error):
    with pytest.raises(RuntimeError, match=error):
        recordings(type("Mistaken", (Mistaken,), {"mistake": mistake}), number=1)


@pytest.mark.parametrize(
    "mistake",
    [
        # A number, two shapes and a tensor that are other ones in every update.
        lambda self, rows: rows.x * self.updates,
        lambda self, rows: rows.x.sum() + torch.zeros(self.updates, device="cuda"),
        lambda self, rows: rows.x[: self.updates - WARM_UP].sum(),
        lambda self, rows: rows.x + self.new_each_time,
    ],
)
def test_what_differs_between_updates_is_found(mistake):
    first, second = recordings(type("Mistaken", (Mistaken,), {"mistake": mistake}))
    assert first != second


def test_a_learning_rate_that_is_a_number_is_found_and_stays_what_it_was(monkeypatch):
    def set_rate(self, rate):
        self._rate = rate
        for group in self.torch.param_groups:
            group["lr"] = rate

    with PretendedGpu():
        _, weights = learnt(Learner(capture=False, capturable=False), WARM_UP + 3)
        monkeypatch.setattr(PortableOptimiser, "set_rate", set_rate)
        _, found = learnt(Learner(), WARM_UP + 3)
        assert not torch.allclose(found[0], weights[0], rtol=1e-3)
    first, second = recordings(Learner)
    assert first != second


def test_an_optimiser_that_cannot_be_captured_is_found():
    class Plain(Learner):
        def __init__(self):
            super().__init__(capturable=False)

    # Its counter of steps is the host's.
    with pytest.raises(RuntimeError, match="writes a tensor of the host"):
        recordings(Plain, number=1)


def test_inputs_of_another_form_are_refused():
    generator = torch.Generator().manual_seed(1)
    with PretendedGpu():
        learner = Learner()
        learner.learn(some_rows(generator))
        with pytest.raises(ValueError, match=r"Rows\.x was torch\.float32 \(6, 3\), now torch\.float32 \(1, 3\)"):
            learner.learn(some_rows(generator, 1))
        with pytest.raises(ValueError, match=r"Rows\.extra was None"):
            learner.learn(replace(some_rows(generator), extra=torch.zeros(1)))
        learner.captured.forget()
        assert learner.learn(some_rows(generator, 1))["loss"].is_cuda
