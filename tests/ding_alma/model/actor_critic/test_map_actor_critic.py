"""The thesis' network over maps: its size, its first policy, and what reaches whom."""

import pytest
import torch

from ding_alma.model.actor_critic import map_actor_critic
from ding_alma.model.actor_critic.lux_heads import LUX_HEADS, LUX_PATHS
from ding_alma.model.actor_critic.map_actor_critic import FlatActor, MapActorCritic, StagedActor

BOARD = 9
PUBLISHED = {
    "actor_embedding": 100_256,
    "critic_embedding": 100_256,
    "trunk": 2_320,
    "board_value": 90,
    "local_value": 90,
    "actor": 132 + 231 + 5_082,
}
"""Parameters of every part (docs/reference/mppo.md#network-over-maps)."""


def staged(planes=18, **options):
    torch.manual_seed(0)
    return MapActorCritic(planes, 2, StagedActor(options.get("width", 32), LUX_HEADS, LUX_PATHS), **options)


def small(**options):
    return staged(planes=3, width=8, squeezed=2, blocks=1, **options)


def observation(rows=2, members=5, planes=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(rows, members, 31, generator=g) < 0.7
    mask[..., 0] = True
    return {
        "planes": torch.randn(rows, planes, BOARD, BOARD, generator=g),
        "member_position": torch.randint(BOARD, (rows, members, 2), generator=g),
        "member_type": torch.randint(2, (rows, members), generator=g),
        "action_mask": mask,
    }


def judge(network, seen):
    return network(seen, torch.ones(seen["member_type"].shape, dtype=torch.bool))


def test_the_parameters_are_the_published_ones():
    network = staged()
    parts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert parts == PUBLISHED
    assert sum(parts.values()) == 208_457
    assert sum(p.numel() for p in staged(planes=19).parameters()) == 209_033
    assert [sum(p.numel() for p in head.parameters()) for head in network.actor.outputs[:2]] == [132, 231]


def test_the_first_policy_is_nearly_uniform_and_the_first_values_nearly_zero():
    network, seen = small().eval(), observation()
    with torch.no_grad():
        judged = judge(network, seen)
    uniform = judge_with_zero_outputs(network, seen)
    assert (judged.actions.probs() - uniform).abs().max() < 1e-3
    assert judged.value.abs().max() < 1e-3
    assert judged.value.abs().max() > 0


def judge_with_zero_outputs(network, seen):
    logits = torch.zeros(*seen["member_type"].shape, sum(LUX_HEADS))
    return type(judge(network, seen).actions)(network.actor.tree, logits, seen["action_mask"]).probs()


def test_the_weights_scale_leaves_normalised_convolutions_as_they_are():
    scaled, plain = small(weight_scale=0.01).eval(), small(weight_scale=1.0).eval()
    for ours, theirs in zip(scaled.modules(), plain.modules(), strict=True):
        if hasattr(ours, "parametrizations"):
            torch.testing.assert_close(ours.weight, theirs.weight, atol=1e-5, rtol=1e-4)
            raw = ours.parametrizations.weight.original, theirs.parametrizations.weight.original
            torch.testing.assert_close(raw[0] * 100, raw[1])
            assert float(torch.linalg.matrix_norm(ours.weight.flatten(1), 2)) == pytest.approx(1, abs=1e-3)


def test_a_layer_s_weights_do_not_depend_on_the_others():
    full, without = small(), small(local_critic=False)
    for name, value in without.state_dict().items():
        assert torch.equal(value, full.state_dict()[name]), name
    weights = [p.flatten()[:8] for name, p in full.named_parameters() if "original" in name and p.numel() == 576]
    assert len({tuple(w.tolist()) for w in weights}) == len(weights) > 4


def test_members_are_judged_by_their_tile_and_type_alone():
    network, seen = small().eval(), observation()
    order = torch.tensor([3, 1, 4, 0, 2])
    permuted = {key: value if key == "planes" else value[:, order] for key, value in seen.items()}
    judged, other = judge(network, seen), judge(network, permuted)
    torch.testing.assert_close(other.value, judged.value[:, order])
    torch.testing.assert_close(other.actions.probs(), judged.actions.probs()[:, order])
    moved = {**seen, "member_position": seen["member_position"].flip(0)}
    assert (judge(network, moved).value != judged.value).any()


def test_members_read_the_tile_that_they_stand_on():
    network, seen, read = small().eval(), observation(), {}
    network.actor_embedding.register_forward_hook(lambda _, __, output: read.update(board=output))
    network.actor.register_forward_pre_hook(lambda _, arguments: read.update(member=arguments[0]))
    judge(network, seen)
    for row in range(2):
        for member, (x, y) in enumerate(seen["member_position"][row].tolist()):
            assert torch.equal(read["member"][row, member], read["board"][row, :, x, y])


def test_without_local_critic_all_members_of_a_type_have_the_board_s_value():
    network, seen = small(local_critic=False, weight_scale=1.0).eval(), observation()
    value = judge(network, seen).value
    for row in range(2):
        for kind in range(2):
            of_kind = value[row][seen["member_type"][row] == kind]
            assert (of_kind == of_kind[:1]).all()
    assert (value[0, 0] != value[1, 0]).all()
    assert judge(small(weight_scale=1.0).eval(), seen).value[0].unique().numel() > 2


def test_the_order_of_planes_in_memory_changes_nothing(monkeypatch):
    seen, found = observation(), []
    for boards in (map_actor_critic._boards, lambda planes, _: planes.float()):
        monkeypatch.setattr(map_actor_critic, "_boards", boards)
        network = small(weight_scale=1.0)
        judged = judge(network, seen)
        (judged.actions.log_prob(torch.zeros(2, 5, dtype=torch.int64)) + judged.value).sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        found.append((judged.actions.probs(), judged.value, gradient))
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-4)


def test_bfloat16_changes_results_by_its_rounding_alone():
    seen, found = observation(rows=8), {}
    for precision in ("float32", "bfloat16"):
        network = small(weight_scale=1.0, precision=precision)
        kinds = set()
        network.actor_embedding.register_forward_hook(lambda _, __, output, kinds=kinds: kinds.add(output.dtype))
        judged = judge(network, seen)
        log_prob = judged.actions.log_prob(torch.zeros(8, 5, dtype=torch.int64))
        (log_prob + judged.value).sum().backward()
        gradient = torch.cat([p.grad.flatten() for p in network.parameters()])
        assert {judged.value.dtype, log_prob.dtype, gradient.dtype} == {torch.float32}
        assert kinds == {getattr(torch, precision)}
        found[precision] = (judged.actions.probs(), judged.value, gradient)
    for half, full in zip(found["bfloat16"], found["float32"], strict=True):
        assert not torch.equal(half, full)
        assert float((half - full).norm() / full.norm()) < 0.1
    assert torch.cosine_similarity(found["bfloat16"][2], found["float32"][2], 0) > 0.995


def test_only_the_heads_of_legal_actions_learn():
    network, seen = small(weight_scale=1.0), observation()
    seen["action_mask"][:] = False
    seen["action_mask"][..., 1:5] = True
    seen["action_mask"][..., 25] = True
    judged = judge(network, seen)
    judged.actions.log_prob(torch.full((2, 5), 3)).sum().backward()
    learns = [bool(output.weight.grad.any()) for output in network.actor.outputs]
    # Factory, unit type, then direction, resource, amount and repeat of the seven types: a move chooses a direction.
    assert learns == [False, True, True, *[False] * 27]


def test_a_flat_actor_chooses_among_all_actions():
    torch.manual_seed(0)
    network = MapActorCritic(3, 2, FlatActor(8, 31), width=8, squeezed=2, blocks=1)
    seen = observation()
    probs = judge(network, seen).actions.probs()
    assert (probs[~seen["action_mask"]] == 0).all()
    torch.testing.assert_close(probs.sum(-1), torch.ones(2, 5))


def test_heads_that_do_not_cover_the_paths_are_refused():
    with pytest.raises(ValueError, match="outputs"):
        StagedActor(8, LUX_HEADS[:4], LUX_PATHS)
