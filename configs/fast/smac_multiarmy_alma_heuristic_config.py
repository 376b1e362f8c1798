"""ALMA's agents on the paper's multi-army SMAC under a hand-made allocation, learnt within hours of one core.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/fast/smac_multiarmy_alma_heuristic_config.py -s 0 --env-step 3e6``
"""

from ding_alma.setting.smac_multiarmy import fast

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

# The heuristic: 'matching', by types of units, or 'dynamic', which looks at first where the attack is.
style = "matching"

main_config, create_config = fast("alma", setting, heuristic_style=style)
main_config.exp_name += f"_{style}"
# (str) Who allocates: the environment's hand-made rule.
main_config.policy.allocation.source = "heuristic"
# (int) Steps between decisions: the paper's. A rule that follows the battle has to be asked often.
main_config.policy.allocation.period = 3

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
