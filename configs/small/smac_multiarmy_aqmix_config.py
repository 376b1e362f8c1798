"""A-QMIX on the small multi-army SMAC.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/small/smac_multiarmy_aqmix_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.smac_multiarmy import small

main_config, create_config = small("aqmix")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
