"""ALMA on Group Matching: its agents and mixer alone, since there is one subtask to allocate everybody to.

For the same reason there are no configs for a hand-made allocation (this is one) and for "No Mask".
Task, sizes, schedules: ding_alma/setting/group_matching.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/group_matching_alma_config.py -s 0 --env-step 5e5``
"""

from ding_alma.setting.group_matching import paper

main_config, create_config = paper("alma")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
