"""ALMA's agents on a small multi-robot warehouse, under a hand-made allocation.

Needs the extra 'rware'. Task, sizes, schedules: ding_alma/setting/rware.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/small/rware_alma_heuristic_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.rware import small

main_config, create_config = small("alma")
main_config.exp_name += "_heuristic"
# (str) Who allocates: the environment's hand-made rule.
main_config.policy.allocation.source = "heuristic"

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
