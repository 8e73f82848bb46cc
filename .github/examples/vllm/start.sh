#!/bin/sh
# Starts vLLM as the rules want it: weights from /models, the arena's name, greedy as the model is.
# Set by the sandbox: MODEL_PATH, PORT, HOME=/tmp, caches below /cache, no network.
set -eu
exec vllm serve "${MODEL_PATH:-/models}" \
  --served-model-name "${SERVED_MODEL_NAME:-Qwen2.5-72B-Instruct}" \
  --host 127.0.0.1 --port "${PORT:-8000}" \
  --tensor-parallel-size "${TENSOR_PARALLEL_SIZE:-8}" \
  --dtype bfloat16 \
  --generation-config vllm \
  --seed 0
