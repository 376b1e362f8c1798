"""Masked PPO with a trajectory per agent on the ALMA paper's SaveTheCity; no paper has it there.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/fast/save_the_city_mppo_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.save_the_city import fast

main_config, create_config = fast("mppo")
# (int) Learner iterations (minibatches) between evaluations: about 150,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 3000

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
