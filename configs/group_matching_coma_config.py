"""DI-engine's COMA on Group Matching; no paper has it there.

It never learns from the last reward of an episode, such as that of gathering.
Task, sizes, schedules: ding_alma/setting/group_matching.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/group_matching_coma_config.py -s 0 --env-step 5e5``
"""

from ding_alma.setting.group_matching import paper

main_config, create_config = paper("coma")
# (int) Updates after each collection of 32 episodes, as DI-engine has it.
main_config.policy.learn.update_per_collect = 20
# (int) Learner iterations between evaluations: about 10,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 125

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
