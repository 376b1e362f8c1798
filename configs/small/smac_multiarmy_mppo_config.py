"""Masked PPO with a trajectory per unit on the small multi-army SMAC.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/small/smac_multiarmy_mppo_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.smac_multiarmy import small

main_config, create_config = small("mppo")
# (int) Learner iterations (minibatches) between evaluations: about 25,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 2000

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
