#!/usr/bin/env node
import { EXIT } from './exit-codes.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`Error: tq-bridge needs Node 22.18 or later; this is Node ${process.versions.node}.\n`);
  process.exit(EXIT.usage);
}

const { run } = await import('./run.ts');
process.exitCode = await run(process.argv.slice(2));
