"""ALMA on multi-army SMAC with the values of the paper (NeurIPS 2022) and its reference implementation.

Choose one of the paper's four settings below.
Run: ``uv run ding -m serial -c configs/smac_multiarmy_alma_config.py -s 0 --env-step 10e6``
"""

from easydict import EasyDict

from dizoo_ext.smac_multiarmy import SmacMultiArmyEnv

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"
teams, balance = setting.split("_")
scenario = f"6-8{teams}_maxsize4_maxarmies3_{balance}"
sizes = SmacMultiArmyEnv({"scenario": scenario}).entity_spec

main_config = EasyDict(
    dict(
        # (str) Folder of the run: logs, checkpoints, results. Relative to where the command is typed.
        exp_name=f"runs/smac_multiarmy_{setting}_alma",
        env=dict(
            # (int) Environments that collect side by side.
            collector_env_num=8,
            # (int) Environments that evaluate side by side; as many as episodes, so that none is counted twice.
            evaluator_env_num=160,
            # (int) Episodes of one evaluation.
            n_evaluator_episode=160,
            # (float) Training stops when an evaluation's mean reaches this value; out of reach here.
            stop_value=1e10,
            # (str) Scenario set, see dizoo_ext/smac_multiarmy/scenarios.py; also SMAC's own maps such as '2s3z'.
            scenario=scenario,
            # (str) What plays the battles: 'embedded', or 'sc2' for the real game (see docs/starcraft2.md).
            engine="embedded",
            # (str) Hand-made allocation that policies can be told to follow: 'matching' or 'dynamic'.
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
                # (bool) Agents may attack only the army that they are allocated to.
                tie_actions=True,
            ),
            # (dict) Allocations of agents to armies.
            allocation=dict(
                # (int) Steps between decisions.
                period=3,
                # (dict) Probability that an agent's allocation is a random unfinished subtask.
                random_agent=dict(start=1.0, end=0.0, length=500_000),
                # (dict) Probability that the whole allocation is an unranked proposal.
                random_proposal=dict(start=1.0, end=0.05, length=2_000_000),
            ),
            learn=dict(
                # (float) Share of REFIL's imagined groups in the agents' loss.
                imagined_weight=0.5,
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
                n_episode=8,
                # (int) Equal to env.collector_env_num.
                env_num=8,
            ),
            eval=dict(
                # (int) Equal to env.evaluator_env_num.
                env_num=160,
                # (int) Learner iterations between evaluations: about 50,000 environment steps.
                evaluator=dict(eval_freq=1000),
            ),
            other=dict(
                # (dict) Probability of a random action: from start to end over decay environment steps.
                eps=dict(type="linear", start=1.0, end=0.05, decay=500_000),
            ),
        ),
    )
)

create_config = EasyDict(
    dict(
        # (dict) Environment and the package that registers it.
        env=dict(type="smac_multiarmy", import_names=["dizoo_ext"]),
        # (dict) 'vector' steps all environments in one call; 'base' and 'subprocess' give the same episodes, and take
        # the engine 'sc2', too.
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
