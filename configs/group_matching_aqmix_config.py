"""A-QMIX on Group Matching with the values of the REFIL paper (ICML 2021), but for fewer updates.

Task, sizes, schedules: ding_alma/setting/group_matching.py; defaults: ding_alma/policy/aqmix.py.
Run: ``uv run ding -m serial -c configs/group_matching_aqmix_config.py -s 0 --env-step 5e5``
"""

from ding_alma.setting.group_matching import paper

main_config, create_config = paper("aqmix")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
