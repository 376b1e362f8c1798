"""Masked PPO with a trajectory per agent on SaveTheCity; values of the MagMA thesis, where it plays Lux.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/save_the_city_mppo_config.py -s 0 --env-step 15e6``
"""

from ding_alma.setting.save_the_city import paper

main_config, create_config = paper("mppo")
# (int) Episodes per collection: about 4,000 steps, as in the thesis.
main_config.policy.collect.n_episode = 56
# (int) Environment steps over which the learning rate falls to zero: the whole run.
main_config.policy.ppo.anneal_steps = 15_000_000
# (bool) Clip the value loss too; returns are larger than the clip here.
main_config.policy.ppo.clip_value = False
# (int) Learner iterations (minibatches) between evaluations: about 50,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 1000

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
