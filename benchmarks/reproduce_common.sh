# Functions of reproduce_small.sh and reproduce_fast.sh, which source this file. They read RUNS, TASKS and SEEDS.

# Exit with a line if TASKS names a task that is not among the arguments.
check_tasks() {
  local task
  for task in $TASKS; do
    if [[ " $* " != *" $task "* ]]; then
      echo "TASKS: no task '$task', there are: $*" >&2
      exit 2
    fi
  done
}

# Whether a task is to be reproduced.
wanted() {
  [[ " $TASKS " == *" $1 "* ]]
}

# Train one seed, unless it is finished; an interrupted run goes on from its last checkpoint:
# FOLDER SEED STEPS CONFIG [OPTION]...
train() {
  local folder=$1 seed=$2 steps=$3 config=$4
  local run=$folder/seed$seed
  shift 4
  if [ -e "$run.finished" ]; then
    echo "$run: finished before"
    return
  fi
  mkdir -p "$folder"
  local arguments=("$config" "$@" --seeds "$seed" -o "$folder")
  if compgen -G "$run/ckpt/*.pth.tar" >/dev/null; then
    echo "$run: goes on"
    arguments=(--resume "$run")
  elif [ -e "$run" ]; then
    # It ended before its first checkpoint.
    mkdir -p "$RUNS/interrupted"
    mv "$run" "$RUNS/interrupted/$(basename "$folder")_seed${seed}_$(date +%s)"
    echo "$run: starts again"
  else
    echo "$run: starts"
  fi
  if uv run ding-alma train "${arguments[@]}" --env-step "$steps" >>"$run.log" 2>&1; then
    touch "$run.finished"
    echo "$run: finished"
  else
    echo "$run: failed, see $run.log" >&2
    return 1
  fi
}
export -f train

# Lines of arguments of train, one per run: TASK CONFIG_PREFIX STEPS, then METHOD:CONFIG:OPTIONS...
runs_of() {
  local task=$1 prefix=$2 steps=$3
  shift 3
  wanted "$task" || return 0
  for seed in $SEEDS; do
    for method in "$@"; do
      IFS=: read -r name config options <<<"$method"
      echo "$RUNS/$task/$name $seed $steps ${prefix}_${config}_config.py $options"
    done
  done
}

# The options of compare that draw what scripted agents reach, one per line: TASK CONFIG [OPTION]...
scripted() {
  local task=$1
  shift
  wanted "$task" || return 0
  uv run python benchmarks/scripted_teams.py "$@" --lines
}

# A command of ding-alma on the runs of a task, with the names of LABELS: TASK METHOD... -- COMMAND [OPTION]...
on_runs() {
  local task=$1 methods=()
  shift
  wanted "$task" || return 0
  while [ "$1" != "--" ]; do
    methods+=("${LABELS[${1%%:*}]}=$RUNS/$task/${1%%:*}")
    shift
  done
  shift
  [ ${#methods[@]} -gt 0 ] || return 0
  uv run ding-alma "$@" "${methods[@]}"
}
