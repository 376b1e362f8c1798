"""ALMA's agents on the paper's SaveTheCity under its hand-made allocation, learnt within hours of one core.

Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/fast/save_the_city_alma_heuristic_config.py -s 0 --env-step 5e6``
"""

from ding_alma.setting.save_the_city import fast

main_config, create_config = fast("alma")
main_config.exp_name += "_heuristic"
# (str) Who allocates: the environment's hand-made rule.
main_config.policy.allocation.source = "heuristic"

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
