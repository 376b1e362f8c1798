"""Masked PPO on a small SaveTheCity: a builder and a firefighter, three buildings near the centre, small networks.

The city of ``save_the_city_alma_config.py``; every agent has a trajectory of its own and is given the global reward.
Run: ``uv run ding -m serial_onpolicy -c configs/small/save_the_city_mppo_config.py -s 0 --env-step 3e5`` (or serial)
"""

from easydict import EasyDict

# Sizes of the team below: 2 agents, one building more than agents, 58 features, 12 actions.
agents = 2
buildings = 3
features = 58
actions = 12
entities = agents + buildings

main_config = EasyDict(
    dict(
        # (str) Folder of the run: logs, checkpoints, results. Relative to where the command is typed.
        exp_name="runs/small_save_the_city_mppo",
        env=dict(
            # (int) Environments that collect side by side.
            collector_env_num=16,
            # (int) Environments that evaluate side by side; as many as episodes, so that none is counted twice.
            evaluator_env_num=64,
            # (int) Episodes of one evaluation.
            n_evaluator_episode=64,
            # (float) Training stops when an evaluation's mean reaches this value; out of reach here.
            stop_value=1e10,
            # (list) Teams: builder B, firefighter F, generalist G; or the name of a scenario set.
            scenario=["BF"],
            # (int) Buildings stand within this many cells of the centre; 8 is the paper's whole city.
            building_reach=4,
            # (dict) Twice the paper's rates of building and of putting out fires.
            game_config=dict(base_build_rate=0.25, fire_reduce_rate=0.5),
            # (int) Longest episode, in steps.
            episode_limit=150,
            # (str) The number that evaluations maximise: 'return' or a metric such as 'solved'.
            eval_metric="return",
        ),
        policy=dict(
            # (bool) Train on the GPU.
            cuda=False,
            # (dict) Sizes shared with DI-engine's own policies.
            model=dict(
                # (int) Agents, padded maximum.
                agent_num=agents,
                # (dict) Sizes of the flat view.
                obs_shape=dict(
                    # (int) Own row, every entity's row, own last action, agent id.
                    agent_state=features * (1 + entities) + actions + agents,
                    # (int) Every entity's row.
                    global_state=features * entities,
                ),
                # (int) Actions per agent.
                action_shape=actions,
                # (list) Hidden layers of DI-engine's COMA; masked PPO's sizes stand in its own blocks.
                actor_hidden_size_list=[128, 128, 64],
            ),
            # (dict) Sizes of the entity view.
            entity=dict(
                # (int) Entities, agents first.
                entities=entities,
                # (int) Features per entity.
                features=features,
                # (int) Subtasks, one per building.
                subtasks=buildings,
            ),
            # (dict) Actor and critic.
            network=dict(
                # (int) Width of the entity encoding and attention.
                attention_dim=64,
                # (int) Attention heads.
                attention_heads=4,
                # (int) Width of the last hidden layers.
                hidden_dim=64,
            ),
            # (str) What is kept per agent: 'full', 'none' (one joint trajectory), or all but one part, such as
            # 'global_critic'.
            separation="full",
            # (dict) Which reward an agent learns from.
            credit=dict(
                # (str) Its own: 'team', the global reward, or 'subtask', that of the building it works at.
                own="team",
                # (str) What agents share: 'team', the global reward.
                shared="team",
                # (float) Share of the own reward; the rest is the shared one.
                own_weight=1.0,
            ),
            # (dict) The update. Smaller minibatches than on Lux: a collection is smaller too.
            ppo=dict(
                # (int) Passes over a collection.
                epochs=10,
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
                # (float) Discount per step.
                discount_factor=0.9,
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
                # (int) Learner iterations (minibatches) between evaluations: about 25,000 environment steps.
                evaluator=dict(eval_freq=2000),
            ),
            other=dict(
                # (dict) Probability of a random action, for the policies that explore so; masked PPO samples instead.
                eps=dict(type="linear", start=1.0, end=0.05, decay=100_000),
                # (dict) Episodes wait here until they are learnt from.
                replay_buffer=dict(),
            ),
        ),
    )
)

create_config = EasyDict(
    dict(
        # (dict) Environment and the package that registers it.
        env=dict(type="save_the_city", import_names=["dizoo_ext"]),
        # (dict) 'vector' steps all environments in one call; 'base' and 'subprocess' give the same episodes.
        env_manager=dict(type="vector", import_names=["dizoo_ext"]),
        # (dict) The only line to change for another policy: 'alma', 'aqmix', 'refil', 'copa', 'mppo', 'coma'.
        policy=dict(type="mppo", import_names=["ding_alma"]),
        # (dict) Whole episodes, turned into samples by the policy.
        collector=dict(type="episode", get_train_sample=True),
        # (dict) Ring buffer of episodes; it hands everything out at once to masked PPO.
        replay_buffer=dict(type="episode_ring", import_names=["ding_alma"]),
    )
)

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
