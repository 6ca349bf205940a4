#!/usr/bin/env node
import { EXIT } from './exit-codes.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(`Error: tq-bridge needs Node 22.18 or later; this is Node ${process.versions.node}.\n`);
  process.exit(EXIT.usage);
}

const { maskedTitle } = await import('./secrets.ts');
const words = process.argv.slice(2);
// Everybody on the machine may read the command line of a process.
const title = maskedTitle(words);
if (title !== undefined) process.title = title;

const { run } = await import('./run.ts');
// A reader that has gone away ends no command; and what the user's module keeps open must not keep a finished one.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
const code = await run(words);
process.stdout.write('', () => process.exit(code));
