#!/usr/bin/env bash
# Runs the tests on real Spark, Flink and Prism where Java 17, Maven and Go are present; says loudly what was not run where
# they are not.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
java -version 2>&1 | grep -q 'version "17' || missing+=("Java 17")
command -v mvn >/dev/null || missing+=("Maven")
command -v go >/dev/null || missing+=("Go")

if [ ${#missing[@]} -gt 0 ]; then
  message="Spark, Flink and Prism were NOT tested: $(IFS=,; echo "${missing[*]}") not found"
  printf '\n************************************************************\n%s\n************************************************************\n\n' "$message" >&2
  # CI must not pass on half of the engines.
  [ "${CI:-}" != true ] || exit 1
  exit 0
fi

make --no-print-directory job-server prism
export MM1_SPARK_JOB_SERVER="$PWD/docker/job-server/target/mm1-spark-job-server.jar"
export MM1_FLINK_JOB_SERVER="$PWD/docker/job-server/target/mm1-flink-job-server.jar"
export MM1_PRISM="$PWD/build/prism"
export SPARK_LOCAL_IP=127.0.0.1
# Three at a time: a third of the time a cluster waits for something.
exec .venv/bin/pytest -q -m engines -n 3 --dist worksteal tests
