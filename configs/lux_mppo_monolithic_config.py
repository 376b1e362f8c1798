"""Masked PPO with one trajectory on Lux AI Season 2: the thesis' monolithic control against kept-alive factories.

It has the thesis' batches, but the network of lux_mppo_config.py instead of one that decides at every tile.
Needs the extra 'lux'. Task, sizes, schedules: ding_alma/setting/lux.py; defaults: ding_alma/policy/mppo.py.
Run: ``uv run ding -m serial_onpolicy -c configs/lux_mppo_monolithic_config.py -s 0 --env-step 204800``
"""

from ding_alma.setting.lux import paper

main_config, create_config = paper("mppo", opponent="none", collector_env_num=32)
main_config.exp_name = "runs/lux_mppo_monolithic"
# (str) Everything is summed over the team's members.
main_config.policy.separation = "none"
# (int) Steps in a minibatch.
main_config.policy.ppo.minibatch_steps = 1024
# (int) Learner iterations (minibatches) between evaluations: a collection of 8,192 environment steps.
main_config.policy.eval.evaluator.eval_freq = 80
# (int) Environment steps of the whole run.
main_config.policy.learn.learner.hook.progress.ext_args.total_env_steps = 204_800

if __name__ == "__main__":
    from ding.entry import serial_pipeline_onpolicy

    serial_pipeline_onpolicy((main_config, create_config), seed=0)
