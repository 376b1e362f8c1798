"""ALMA "No Mask" on the paper's multi-army SMAC, learnt within hours of one core: agents see more than their own army.

Task, sizes, schedules: ding_alma/setting/smac_multiarmy.py; defaults: ding_alma/policy/alma.py.
Run: ``uv run ding -m serial -c configs/fast/smac_multiarmy_alma_no_mask_config.py -s 0 --env-step 3e6``
"""

from ding_alma.setting.smac_multiarmy import fast

# The setting: 'sz_symmetric', 'sz_unitdisadvantage', 'MMM_symmetric' or 'MMM_unitdisadvantage'.
setting = "sz_symmetric"

main_config, create_config = fast("alma", setting)
main_config.exp_name += "_no_mask"
# (str) Agents see everything, with labels that say whose subtask it is.
main_config.policy.network.conditioning = "embed"

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
