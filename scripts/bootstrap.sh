#!/usr/bin/env bash
# Brings the one program that everything else runs on: Bun, at the version that package.json names, from npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=$(node -p 'require("./package.json").devDependencies.bun')
have=$(.tools/node_modules/.bin/bun --version 2>/dev/null || true)
if [ "$have" != "$version" ]; then
  mkdir -p .tools
  echo '{ "private": true }' > .tools/package.json
  npm install --prefix .tools --no-audit --no-fund --loglevel=error "bun@$version"
fi
# npm may leave the package's install step out; that step puts the real executable in place.
if ! .tools/node_modules/.bin/bun --version >/dev/null 2>&1; then
  (cd .tools/node_modules/bun && node install.js)
fi
.tools/node_modules/.bin/bun --version >/dev/null
touch .tools/.ready
