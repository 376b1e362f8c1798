"""ALMA on the paper's multi-army SMAC (NeurIPS 2022), learnt within hours of one core.

Its agents also learn from REFIL's imagined groups. Choose one of the paper's four settings below.
Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/fast/smac_multiarmy_alma_config.py -s 0 --env-step 3e6``
"""

from ding_alma.setting.smac_multiarmy import fast

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = fast("alma", setting)

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
