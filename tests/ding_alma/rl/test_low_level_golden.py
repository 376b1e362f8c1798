import pytest
import torch
from golden_low_level import TABLES, assert_close, episode_batch, networks, setting, tensors

from ding_alma.model.reference_names import convert
from ding_alma.rl.low_level import LowLevelConfig, LowLevelDraws, low_level_loss

LOGGED = {
    "losses.q_loss": "q_loss",
    "losses.im_loss": "im_loss",
    "losses.copa_vi_loss": "copa_vi_loss",
    "losses.copa_entropy_loss": "copa_entropy_loss",
    "train_metrics.td_error_abs": "td_error_abs",
    "train_metrics.q_taken_mean": "q_taken_mean",
    "train_metrics.target_mean": "target_mean",
}


def _conditioning(case):
    return {"flat": "none", "copa": "none", "alma": "mask", "nomask": "embed"}[case.split("_")[1]]


def _draws(golden, batch, refil):
    drawn = tensors(golden, "draw/")

    def noise(name, views):
        return drawn[name].unflatten(0, (views, -1)) if name in drawn else None

    return LowLevelDraws(
        groups=drawn["group"][:, 0] == 1 if refil else None,
        agent_permutation=drawn.get("perm_agent"),
        target_agent_permutation=drawn.get("perm_agent_target"),
        coach_permutation=drawn.get("perm_coach"),
        target_coach_permutation=drawn.get("perm_coach_target"),
        recognition_permutation=drawn.get("perm_recog"),
        coach_noise=noise("eps_coach", 3 if refil else 1),
        target_coach_noise=noise("eps_coach_target", 1),
    )


@pytest.mark.golden("alma", "learner")
def test_golden_alma_low_level_update(golden, golden_path):
    conditioning = _conditioning(golden_path.stem)
    refil = "draw/group" in golden
    options = dict(coach="param_coach/mean.weight" in golden)
    live = networks(golden, conditioning, **options)
    target = networks(golden, conditioning, "target_param_", **options)
    batch = episode_batch(golden)
    config = LowLevelConfig(
        gamma=setting(golden, "gamma"),
        # The reference ties actions only where agents are allocated to subtasks.
        tie_actions=bool(setting(golden, "mask_subtask_actions")) and conditioning != "none",
        imagined_weight=setting(golden, "lmbda") if refil else 0.0,
        strategy_weight=setting(golden, "vi_lambda"),
        strategy_entropy_weight=setting(golden, "vi_lambda") / 10,
        unlabelled_refil=True,
    )
    loss, metrics = low_level_loss(live, target, batch, config, _draws(golden, batch, refil))
    for theirs, ours in LOGGED.items():
        if f"log/{theirs}" in golden:
            assert_close(metrics[ours], golden, f"log/{theirs}")
    assert set(metrics) == {ours for theirs, ours in LOGGED.items() if f"log/{theirs}" in golden}

    loss.backward()
    trained = [parameter for parameter in live.parameters() if parameter.grad is not None]
    for module, (attribute, table) in TABLES.items():
        expected = tensors(golden, f"grad/{module}.")
        if expected:
            ours = {name: p.grad for name, p in getattr(live, attribute).named_parameters() if p.grad is not None}
            expected = convert(expected, table)
            assert set(ours) == set(expected)
            for name in expected:
                assert_close(ours[name], expected, name, tolerance=1e-4)

    optimizer = torch.optim.RMSprop(
        trained, setting(golden, "lr"), setting(golden, "optim_alpha"), setting(golden, "optim_eps")
    )
    norm = torch.nn.utils.clip_grad_norm_(trained, setting(golden, "grad_norm_clip"))
    assert_close(norm, golden, "log/train_metrics.q_grad_norm", tolerance=1e-4)
    optimizer.step()
    for module, (attribute, table) in TABLES.items():
        expected = convert(tensors(golden, f"post_{module}/"), table)
        ours = getattr(live, attribute).state_dict() if expected else {}
        assert set(expected) == set(ours)
        for name in expected:
            assert_close(ours[name], expected, name, tolerance=1e-4)
