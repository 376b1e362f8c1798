"""A seconds-long training run of DI-engine's own COMA on the toy environment."""

import toy_env
from default_hooks import default_hooks
from easydict import EasyDict


def toy_config(exp_name="toy_run", hook=None, **learn):
    """The (main, create) pair that ``serial_pipeline`` takes."""
    agents, actions = toy_env.AGENTS, toy_env.ACTIONS
    spec = toy_env.ToyVector(1).spec
    main = dict(
        exp_name=exp_name,
        env=dict(
            collector_env_num=2, evaluator_env_num=2, n_evaluator_episode=2, stop_value=1e10, eval_metric="solved"
        ),
        policy=dict(
            cuda=False,
            model=dict(
                agent_num=agents,
                obs_shape=dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size),
                action_shape=actions,
                actor_hidden_size_list=[8, 8],
            ),
            learn=dict(
                update_per_collect=2,
                batch_size=4,
                learner=dict(
                    hook=dict(log_show_after_iter=2, save_ckpt_after_iter=4) | default_hooks() | (hook or {}),
                ),
                **learn,
            ),
            collect=dict(n_episode=2, unroll_len=4, env_num=2),
            eval=dict(env_num=2, evaluator=dict(eval_freq=4)),
            other=dict(
                eps=dict(type="linear", start=1.0, end=0.05, decay=1000), replay_buffer=dict(replay_buffer_size=100)
            ),
        ),
    )
    create = dict(
        env=dict(type="toy", import_names=["toy_env"]),
        env_manager=dict(type="base"),
        policy=dict(type="coma", import_names=["ding_alma.plugin"]),
        collector=dict(type="episode", get_train_sample=True),
        replay_buffer=dict(type="episode_ring", import_names=["ding_alma.plugin"]),
    )
    return EasyDict(main), EasyDict(create)
