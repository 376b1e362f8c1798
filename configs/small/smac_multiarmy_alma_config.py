"""ALMA on a small multi-army SMAC: three or four Stalkers and Zealots against as many, in two armies; small networks.

What differs from the paper beside sizes and schedules: a shorter horizon, absolute mixing weights and signed biases in
the mixer, a smaller epsilon in RMSprop, and less random allocation.
Run: ``uv run ding -m serial -c configs/small/smac_multiarmy_alma_config.py -s 0 --env-step 3e5``
"""

from easydict import EasyDict

from dizoo_ext.smac_multiarmy import SmacMultiArmyEnv

scenario = "3-4sz_maxsize2_maxarmies2_symmetric"
sizes = SmacMultiArmyEnv({"scenario": scenario}).entity_spec

main_config = EasyDict(
    dict(
        # (str) Folder of the run: logs, checkpoints, results. Relative to where the command is typed.
        exp_name="runs/small_smac_multiarmy_alma",
        env=dict(
            # (int) Environments that collect side by side.
            collector_env_num=16,
            # (int) Environments that evaluate side by side; as many as episodes, so that none is counted twice.
            evaluator_env_num=64,
            # (int) Episodes of one evaluation.
            n_evaluator_episode=64,
            # (float) Training stops when an evaluation's mean reaches this value; out of reach here.
            stop_value=1e10,
            # (str) Scenario set.
            scenario=scenario,
            # (str) What plays the battles: 'embedded', or 'sc2' for the real game.
            engine="embedded",
            # (str) Hand-made allocation, also shown to the policy: 'matching' or 'dynamic'.
            heuristic_style="matching",
            # (str) The number that evaluations maximise: 'return' or a metric such as 'battle_won'.
            eval_metric="return",
        ),
        policy=dict(
            # (bool) Train on the GPU.
            cuda=False,
            # (dict) Sizes shared with DI-engine's own policies.
            model=dict(
                # (int) Agents, padded maximum.
                agent_num=sizes.agents,
                # (dict) Sizes of the flat view.
                obs_shape=dict(
                    # (int) Own row, every entity's row, own last action, agent id.
                    agent_state=sizes.agent_state_size,
                    # (int) Every entity's row.
                    global_state=sizes.global_state_size,
                ),
                # (int) Actions per agent.
                action_shape=sizes.actions,
                # (list) Hidden layers of DI-engine's COMA; ALMA's sizes stand in its own blocks.
                actor_hidden_size_list=[128, 128, 64],
            ),
            # (dict) Sizes of the entity view.
            entity=dict(
                # (int) Entities, agents first.
                entities=sizes.entities,
                # (int) Features per entity.
                features=sizes.features,
                # (int) Subtasks, one per army.
                subtasks=sizes.subtasks,
                # (bool) Agents attack only enemies of their own army.
                tie_actions=True,
            ),
            # (dict) Agents and mixer.
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
            # (dict) Allocations of agents to armies.
            allocation=dict(
                # (int) Steps between decisions.
                period=5,
                # (int) Width of the proposal network and the allocation critic.
                dim=32,
                # (int) Allocations proposed per decision.
                proposals=8,
                # (float) Weight of the proposal network's entropy.
                entropy_weight=0.03,
                # (int) Updates between copies to the target critic.
                target_update=50,
                # (dict) Probability that an agent's allocation is a random unfinished subtask.
                random_agent=dict(start=0.3, end=0.0, length=40_000),
                # (dict) Probability that the whole allocation is an unranked proposal.
                random_proposal=dict(start=1.0, end=0.05, length=50_000),
            ),
            learn=dict(
                # (int) Updates after each collection.
                update_per_collect=40,
                # (int) Rows in a batch.
                batch_size=32,
                # (float) Learning rate of agents and mixer.
                learning_rate=1e-3,
                # (float) Discount per step, and per decision in the allocation critic.
                discount_factor=0.95,
                # (int) Updates between copies to the target agents and mixer.
                target_update=100,
                # (float) RMSprop's epsilon.
                rmsprop_eps=1e-8,
                # (bool) Continue the run whose checkpoint is named below.
                resume_training=False,
                learner=dict(
                    hook=dict(
                        # (str) Checkpoint to start from, such as '.../ckpt/ckpt_last.pth.tar'; '' for none.
                        load_ckpt_before_run="",
                        # (dict) The run's record: its config, its evaluations, the paper's names in tensorboard.
                        run_record=dict(type="run_record", name="run_record", position="before_run", priority=30),
                        # (dict) Progress on the console.
                        progress=dict(type="progress", name="progress", position="before_run", priority=30),
                    ),
                ),
            ),
            collect=dict(
                # (int) Episodes per collection; a multiple of collector_env_num.
                n_episode=16,
                # (int) Equal to env.collector_env_num.
                env_num=16,
            ),
            eval=dict(
                # (int) Equal to env.evaluator_env_num.
                env_num=64,
                # (int) Learner iterations between evaluations: about 20,000 environment steps.
                evaluator=dict(eval_freq=800),
            ),
            other=dict(
                # (dict) Probability of a random action: from start to end over decay environment steps.
                eps=dict(type="linear", start=1.0, end=0.05, decay=60_000),
                # (dict) Replay of episodes.
                replay_buffer=dict(
                    # (int) Steps of a training row.
                    window=16,
                ),
            ),
        ),
    )
)

create_config = EasyDict(
    dict(
        # (dict) Environment and the package that registers it.
        env=dict(type="smac_multiarmy", import_names=["dizoo_ext"]),
        # (dict) 'vector' steps all environments in one call; 'base' and 'subprocess' give the same episodes.
        env_manager=dict(type="vector", import_names=["dizoo_ext"]),
        # (dict) The only line to change for another policy: 'alma', 'aqmix', 'refil', 'copa', 'coma'.
        policy=dict(type="alma", import_names=["ding_alma"]),
        # (dict) Whole episodes, turned into samples by the policy.
        collector=dict(type="episode", get_train_sample=True),
        # (dict) Ring buffer of episodes; DI-engine's 'naive' buffer works too.
        replay_buffer=dict(type="episode_ring", import_names=["ding_alma"]),
    )
)

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
