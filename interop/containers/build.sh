#!/usr/bin/env bash
# Builds tq-interop:<release> for each Debian release; makes the base by debootstrap where no registry answers.
set -euo pipefail
cd "$(dirname "$0")/.."
for release in "${@:-bookworm trixie}"; do
  for name in $release; do
    base="debian:$name-slim"
    if ! docker image inspect "$base" >/dev/null 2>&1 && ! timeout 60 docker pull -q "$base" >/dev/null 2>&1; then
      base="tq-base:$name"
      if ! docker image inspect "$base" >/dev/null 2>&1; then
        root="$(mktemp -d)"
        debootstrap --variant=minbase "$name" "$root/fs" "${TQ_DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$root/log" 2>&1 ||
          { tail -n 20 "$root/log" >&2; exit 1; }
        tar -C "$root/fs" -c . | docker import - "$base"
        rm -rf "$root"
      fi
    fi
    docker build --network host --build-arg "BASE=$base" -t "tq-interop:$name" -f containers/Dockerfile .
  done
done
