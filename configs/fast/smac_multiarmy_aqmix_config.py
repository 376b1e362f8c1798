"""A-QMIX on the ALMA paper's multi-army SMAC, learnt within hours of one core; the paper takes REFIL.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/fast/smac_multiarmy_aqmix_config.py -s 0 --env-step 3e6``
"""

from ding_alma.setting.smac_multiarmy import fast

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = fast("aqmix", setting)

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
