"""What the settings of all environments share: every key with its type and meaning."""

from typing import Any

MAIN: dict[str, Any] = dict(
    env=dict(
        # (int) Environments that collect side by side.
        collector_env_num=8,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=160,
        # (float) Training stops when an evaluation's mean reaches this value; out of reach here.
        stop_value=1e10,
        # (str) The number that evaluations maximise: 'return' or a metric such as 'solved' or 'battle_won'.
        eval_metric="return",
    ),
    policy=dict(
        # (bool) Train on the GPU.
        cuda=False,
        # (dict) Networks; defaults stand in ding_alma/policy (value_policy.py, aqmix.py, alma.py, mppo.py).
        network=dict(),
        # (dict) Allocations of agents to subtasks, and the clock of COPA's coach; defaults in alma.py and copa.py.
        allocation=dict(),
        # (dict) COPA's coach; defaults in copa.py.
        coach=dict(),
        # (dict) Masked PPO's update; defaults in mppo.py.
        ppo=dict(),
        learn=dict(
            # (bool) Continue the run whose checkpoint is named below.
            resume_training=False,
            # (str) 'tensorboard', or 'wandb': Weights & Biases as well, under the same names; WANDB_MODE=offline needs
            # no account.
            tracker="tensorboard",
            learner=dict(
                hook=dict(
                    # (str) Checkpoint to start from, such as '.../ckpt/ckpt_last.pth.tar'; '' for none.
                    load_ckpt_before_run="",
                    # (dict) The run's record: its config, its evaluations, the paper's names in tensorboard.
                    run_record=dict(type="run_record", name="run_record", position="before_run", priority=30),
                    # (dict) Progress on the console.
                    progress=dict(
                        type="progress",
                        name="progress",
                        position="before_run",
                        priority=30,
                        ext_args=dict(
                            # (int) Environment steps of the whole run, 0 = unknown: what progress is a share of, and
                            # where `ding-alma train` ends without --env-step.
                            total_env_steps=0,
                        ),
                    ),
                ),
            ),
        ),
        other=dict(
            # (dict) Probability of a random action: from start to end over decay environment steps.
            eps=dict(type="linear", start=1.0, end=0.05, decay=2_000_000),
            # (dict) Replay of episodes; defaults in ding_alma/replay/ring.py and in the policies.
            replay_buffer=dict(),
        ),
    ),
)
"""Keys of ``main_config``. The empty blocks say where else a config may set something."""


def run_of(env_steps: int) -> dict[str, Any]:
    """The block that says how long runs of a setting are."""
    return dict(
        policy=dict(learn=dict(learner=dict(hook=dict(progress=dict(ext_args=dict(total_env_steps=env_steps))))))
    )


CREATE: dict[str, Any] = dict(
    # (dict) 'vector' steps all environments in one call; 'base' and 'subprocess' give the same episodes, and play the
    # real StarCraft II, too.
    env_manager=dict(type="vector", import_names=["dizoo_ext.plugin"]),
    # (dict) Whole episodes, turned into samples by the policy.
    collector=dict(type="episode", get_train_sample=True, import_names=["ding_alma.plugin"]),
    # (dict) Ring buffer of episodes, emptied at once by mppo and coma_ext; DI-engine's 'naive' works for the others.
    replay_buffer=dict(type="episode_ring", import_names=["ding_alma.plugin"]),
)
"""Keys of ``create_config`` beside ``env`` and ``policy``."""

SMALL: dict[str, Any] = dict(
    env=dict(
        # (int) Environments that collect side by side.
        collector_env_num=16,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=64,
    ),
    policy=dict(
        network=dict(
            # (int) Width of the agents' entity encoding and attention.
            attention_dim=64,
            # (int) Width of the agents' last hidden layer.
            hidden_dim=64,
            # (int) Width of the hypernetworks' entity encoding and attention.
            hypernet_dim=64,
            # (int) Width of the mixing layer.
            mixing_dim=32,
            # (bool) Mixing weights by softmax, as in the paper, or by absolute value.
            softmax_mixing=False,
            # (bool) Mixer biases made non-negative, as in the paper's code, or signed.
            mixer_bias_abs=False,
        ),
        allocation=dict(
            # (int) Width of the proposal network and the allocation critic.
            dim=32,
            # (int) Allocations proposed per decision.
            proposals=8,
            # (float) Weight of the proposal network's entropy.
            entropy_weight=0.03,
            # (int) Updates between copies to the target critic.
            target_update=50,
        ),
        # (dict) Smaller minibatches than on Lux: a collection is smaller too.
        ppo=dict(
            # (int) Steps in a minibatch, all agents of each.
            minibatch_steps=128,
            # (float) Learning rate of Adam.
            learning_rate=1e-3,
            # (int) Environment steps over which the learning rate falls to zero; 0 = it stays.
            anneal_steps=0,
            # (bool) Clip the value loss too; returns are larger than the clip here.
            clip_value=False,
            # (float) Weight of the entropy.
            entropy_weight=0.01,
        ),
        learn=dict(
            # (int) Updates after each collection.
            update_per_collect=40,
            # (int) Rows in a batch.
            batch_size=32,
            # (float) Learning rate of agents and mixer.
            learning_rate=1e-3,
            # (int) Updates between copies to the target agents and mixer.
            target_update=100,
            # (float) RMSprop's epsilon.
            rmsprop_eps=1e-8,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 20,000 environment steps.
            evaluator=dict(eval_freq=800),
        ),
        other=dict(
            replay_buffer=dict(
                # (int) Steps of a training sequence.
                sequence_length=16,
            ),
        ),
    ),
)
"""Networks and updates with which small tasks are learnt within minutes.

Beside sizes and schedules they differ from the papers in absolute mixing weights and signed biases in the mixer (values
below zero are common), and in a smaller epsilon in RMSprop.
"""

FAST: dict[str, Any] = dict(
    env=dict(
        # (int) Environments that collect side by side; they are stepped and acted for in one call.
        collector_env_num=64,
    ),
    policy=dict(
        network=dict(
            # (str) Agents that compare themselves with each entity that they see; the papers' attend, and learn later
            # where to go (docs/fast_setting.md).
            agent="pairwise",
            # (str) The same for ALMA's agents.
            subtask_agent="pairwise",
            # (str) Actor and critic of masked PPO: the agent compared with each entity, too, instead of 'attention'.
            look="pairwise",
            # (str) ALMA: a subtask's value is the sum of its agents' utilities, which is cheaper than the paper's
            # hypernetworks.
            subtask_mixer="vdn",
        ),
        allocation=dict(
            # (str) An allocator that compares agents with subtasks, too.
            network="pairwise",
            # (float) Weight of the proposal network's entropy. With 0.03 it settles early on sending everybody to one
            # subtask, while the critic still knows nothing (docs/fast_trials.md).
            entropy_weight=0.3,
        ),
        ppo=dict(
            # (int) Steps in a minibatch, all agents of each: collections are larger.
            minibatch_steps=512,
        ),
        learn=dict(
            # (int) Updates after each collection of 64 episodes: a step is learnt from about ten times (papers: 24).
            # More learn more from every step and take longer; with 16, curves are flatter (docs/fast_trials.md).
            update_per_collect=50,
            # (int) Updates between copies to the target agents and mixer.
            target_update=200,
            # (float) Discount per step, and per decision in the allocation critic; the paper's 0.99 learns slower.
            discount_factor=0.95,
        ),
        other=dict(
            replay_buffer=dict(
                # (int) Steps of a training sequence.
                sequence_length=32,
            ),
        ),
    ),
)
"""On top of `SMALL`: with these the papers' own tasks are to be learnt within hours of one core.

Many environments side by side, and fewer updates per step than in the papers. docs/fast_trials.md says what was tried.
"""
