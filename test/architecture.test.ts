import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** Who may import whom. A room may always import itself. `docs/architecture.md` explains the table. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  message: ['base'],
  routing: ['base'],
  protocol: ['base'],
  driver: ['base', 'message'],
  transport: ['base', 'message', 'routing', 'driver'],
  control: ['base', 'message', 'routing', 'protocol', 'transport'],
  backend: ['base', 'message', 'routing', 'protocol', 'driver', 'transport'],
  events: ['base', 'message', 'routing', 'protocol', 'transport'],
  app: ['base', 'message', 'routing', 'protocol', 'driver', 'transport', 'backend', 'control', 'events'],
  worker: ['base', 'message', 'routing', 'protocol', 'driver', 'transport', 'backend', 'control', 'events', 'app'],
  cli: ['base', 'message', 'routing', 'protocol', 'driver', 'transport', 'backend', 'control', 'events', 'app', 'worker', 'root'],
  // src/celery.ts and src/index.ts: the public face, above every room but cli.
  root: ['base', 'message', 'routing', 'protocol', 'driver', 'transport', 'backend', 'control', 'events', 'app', 'worker'],
};

const PURE = new Set(['base', 'message', 'routing', 'protocol']);
const PACKAGES_OUTSIDE_DRIVER: Readonly<Record<string, readonly string[]>> = {
  yargs: ['src/cli/'],
};

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join('src', file));

/** Every static, dynamic and re-exporting import of one source text. */
export function importsOf(from: string, text: string): Import[] {
  const found: Import[] = [];
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  for (const match of code.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+|\brequire\w*\(\s*)['"]([^'"]+)['"]/gm)) {
    found.push({ from, specifier: match[1] ?? '' });
  }
  return found;
}

function roomOf(file: string): string {
  const parts = file.split('/');
  return parts.length > 2 ? (parts[1] ?? 'root') : 'root';
}

/** The rule an import breaks, or undefined. */
export function violationOf({ from, specifier }: Import): string | undefined {
  const room = roomOf(from);
  if (!specifier.startsWith('.')) return packageViolation(from, room, specifier);
  const target = relative(root, join(root, dirname(from), specifier));
  if (!target.startsWith('src/')) return target === 'package.json' ? undefined : `${from} reaches outside src: ${specifier}`;
  const targetRoom = roomOf(target);
  if (target.endsWith('/index.ts') && room !== 'root' && room !== 'cli') return `${from} imports a barrel: ${specifier}`;
  if (target.endsWith('/registry.ts') && targetRoom !== 'message' && ![targetRoom, 'app', 'worker', 'root', 'cli'].includes(room)) {
    return `${from} imports the registry of ${targetRoom}`;
  }
  if (targetRoom === room) return undefined;
  if (!(MAY_IMPORT[room] ?? []).includes(targetRoom)) return `${room} may not import ${targetRoom}: ${from} → ${specifier}`;
  return undefined;
}

function packageViolation(from: string, room: string, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return PURE.has(room) ? `${from} is pure and imports ${specifier}` : undefined;
  if (room === 'driver') return undefined;
  const allowed = PACKAGES_OUTSIDE_DRIVER[specifier.split('/')[0] ?? ''] ?? [];
  return allowed.some((place) => from.startsWith(place)) ? undefined : `${from} imports the package ${specifier} outside driver`;
}

describe('the import table', () => {
  test.each(sources)('%s keeps to it', (file) => {
    const broken = importsOf(file, readFileSync(join(root, file), 'utf8'))
      .map(violationOf)
      .filter((rule) => rule !== undefined);

    expect(broken).toEqual([]);
  });

  test.each([
    ['src/base/a.ts', "import { b } from '../message/b.ts';"],
    ['src/protocol/a.ts', "import { readFileSync } from 'node:fs';"],
    ['src/app/a.ts', "import amqp from 'amqplib';"],
    ['src/app/a.ts', "const w = await import('../worker/worker.ts');"],
    ['src/worker/a.ts', "export { x } from '../transport/index.ts';"],
    ['src/backend/redis.ts', "import { open } from '../transport/registry.ts';"],
  ])('a planted violation in %s is seen', (file, text) => {
    expect(
      importsOf(file, text)
        .map(violationOf)
        .filter((rule) => rule !== undefined),
    ).toHaveLength(1);
  });
});
