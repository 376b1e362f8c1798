"""A-QMIX on multi-army SMAC with ALMA's values; the paper (NeurIPS 2022) takes REFIL, which learns from more.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/smac_multiarmy_aqmix_config.py -s 0 --env-step 10e6``
"""

from ding_alma.setting.smac_multiarmy import paper

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = paper("aqmix", setting)

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
