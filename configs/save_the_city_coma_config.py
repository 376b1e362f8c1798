"""DI-engine's COMA on SaveTheCity with the values of its SMAC configs (dizoo/smac/config/smac_3s5z_coma_config.py).

It never learns from the last reward of an episode.
Task, sizes, schedules: ding_alma/setting/save_the_city.py; defaults: DI-engine's COMAPolicy.
Run: ``uv run ding -m serial -c configs/save_the_city_coma_config.py -s 0 --env-step 15e6``
"""

from ding_alma.setting.save_the_city import paper

main_config, create_config = paper("coma")
# (dict) Probability that all agents act at random together.
main_config.policy.other.eps = dict(type="exp", start=0.5, end=0.01, decay=200_000)
# (int) Episodes per collection, from which it learns 20 times.
main_config.policy.collect.n_episode = 32
# (int) Learner iterations between evaluations: about 50,000 environment steps.
main_config.policy.eval.evaluator.eval_freq = 417

if __name__ == "__main__":
    from ding.entry import serial_pipeline

    serial_pipeline((main_config, create_config), seed=0)
