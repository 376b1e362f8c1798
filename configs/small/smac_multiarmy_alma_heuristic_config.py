"""ALMA's agents on the small multi-army SMAC, under a hand-made allocation.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/small/smac_multiarmy_alma_heuristic_config.py -s 0 --env-step 3e5``
"""

from ding_alma.setting.smac_multiarmy import small

# The heuristic: 'matching', by types of units, or 'dynamic', which looks at first where the attack is.
style = "matching"

main_config, create_config = small("alma", heuristic_style=style)
main_config.exp_name += f"_{style}"
# (str) Who allocates: the environment's hand-made rule.
main_config.policy.allocation.source = "heuristic"

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
