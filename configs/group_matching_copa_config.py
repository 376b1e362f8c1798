"""COPA on Group Matching with the agents and mixer of the REFIL paper (ICML 2021); no paper has it there.

Task, sizes, schedules: ding_alma/setting/group_matching.py; defaults: ding_alma/policy/copa.py.
Run: ``uv run ding -m serial -c configs/group_matching_copa_config.py -s 0 --env-step 5e5``
"""

from ding_alma.setting.group_matching import paper

main_config, create_config = paper("copa")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
