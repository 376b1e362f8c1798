"""Masked PPO with a trajectory per unit on the ALMA paper's multi-army SMAC; no paper has it there.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/fast/smac_multiarmy_mppo_config.py -s 0 --env-step 3e6``
"""

from ding_alma.setting.smac_multiarmy import fast

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = fast("mppo", setting)
# (int) Learner iterations (minibatches) between evaluations: about 100,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 3000

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
