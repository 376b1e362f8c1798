"""Masked PPO with a trajectory per unit on multi-army SMAC; values of the MagMA thesis, where it plays Lux.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/smac_multiarmy_mppo_config.py -s 0 --env-step 10e6``
"""

from ding_alma.setting.smac_multiarmy import paper

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = paper("mppo", setting)
# (int) Episodes per collection: about 4,000 steps, as in the thesis.
main_config.policy.collect.n_episode = 80
# (bool) Clip the value loss too; returns are larger than the clip here.
main_config.policy.ppo.clip_value = False

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
