"""DI-engine's COMA on the ALMA paper's multi-army SMAC, as many environments side by side as for the others.

It never learns from the last reward of an episode, such as that of a win.
Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/fast/smac_multiarmy_coma_config.py -s 0 --env-step 3e6``
"""

from ding_alma.setting.smac_multiarmy import fast

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = fast("coma", setting)
# (dict) Probability that all agents act at random together.
main_config.policy.other.eps = dict(type="exp", start=0.5, end=0.01, decay=200_000)
# (int) Learner iterations between evaluations: about 100,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 600

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
