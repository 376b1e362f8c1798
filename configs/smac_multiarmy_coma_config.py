"""DI-engine's COMA on multi-army SMAC with the values of its SMAC configs (dizoo/smac/config/smac_3s5z_coma_config.py).

It never learns from the last reward of an episode, such as that of a win.
Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/smac_multiarmy_coma_config.py -s 0 --env-step 10e6``
"""

from ding_alma.setting.smac_multiarmy import paper

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = paper("coma", setting)
# (dict) Probability that all agents act at random together.
main_config.policy.other.eps = dict(type="exp", start=0.5, end=0.01, decay=200_000)
# (int) Episodes per collection, from which it learns 20 times.
main_config.policy.collect.n_episode = 32
# (int) Learner iterations between evaluations: about 50,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 625

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
