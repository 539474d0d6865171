#!/bin/sh
# Runs bench/kernel_resources with PYTHON, NVCC and SOURCE_FOLDER: for sm_90, and where CAVIAR_LONG is set for all.
set -eu
architectures=90
[ -z "${CAVIAR_LONG:-}" ] || architectures="80 90 100"
# shellcheck disable=SC2086
exec "$1" "$3/bench/kernel_resources" "$2" "$3" $architectures
