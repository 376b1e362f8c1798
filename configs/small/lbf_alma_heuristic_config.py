"""ALMA's agents on Level-Based Foraging with two and three agents, under a hand-made allocation.

Needs the extra 'lbf'. Task, sizes, schedules: ding_alma/setting/lbf.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/small/lbf_alma_heuristic_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.lbf import small

main_config, create_config = small("alma")
main_config.exp_name += "_heuristic"
# (str) Who allocates: the environment's hand-made rule.
main_config.policy.allocation.source = "heuristic"

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
