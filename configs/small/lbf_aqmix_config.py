"""A-QMIX on Level-Based Foraging with two and three agents.

Needs the extra 'lbf'. Task, sizes, schedules: ding_alma/setting/lbf.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/small/lbf_aqmix_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.lbf import small

main_config, create_config = small("aqmix")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
