"""REFIL on the REFIL paper's Group Matching (ICML 2021), learnt within half an hour of one core.

Task, sizes, schedules: ding_alma/setting/group_matching.py; defaults: ding_alma/policy/refil.py.
Run: ``uv run ding -m serial -c configs/fast/group_matching_refil_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.group_matching import fast

main_config, create_config = fast("refil")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
