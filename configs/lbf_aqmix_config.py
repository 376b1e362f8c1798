"""A-QMIX on Level-Based Foraging.

Needs the extra 'lbf'. Task, sizes, schedules: ding_alma/setting/lbf.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/lbf_aqmix_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.lbf import paper

main_config, create_config = paper("aqmix")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
