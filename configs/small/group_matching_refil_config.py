"""REFIL on a smaller Group Matching with a faster update.

Its oracles are one word away: policy.learn.imagined_groups = 'given' or 'random_given'.
Task, sizes, schedules: ding_alma/setting/group_matching.py; defaults: ding_alma/policy/refil.py.
Run: ``uv run ding -m serial -c configs/small/group_matching_refil_config.py -s 0 --env-step 5e5``
"""

from ding_alma.setting.group_matching import small

main_config, create_config = small("refil")

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
