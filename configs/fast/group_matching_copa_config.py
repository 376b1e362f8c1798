"""COPA on the REFIL paper's Group Matching (ICML 2021), as REFIL learns it within half an hour.

Task, sizes, schedules: ding_alma/setting/group_matching.py; defaults: ding_alma/policy/copa.py.
Run: ``uv run ding -m serial -c configs/fast/group_matching_copa_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.group_matching import fast

main_config, create_config = fast("copa")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
