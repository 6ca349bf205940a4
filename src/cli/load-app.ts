import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { appCandidates } from '../app/find-app.ts';
import { Celery } from '../celery.ts';
import type { AppSource } from '../worker/worker.ts';
import { UsageError, UserModuleError } from './print.ts';

const EXTENSIONS = ['', '.ts', '.mts', '.js', '.mjs', '.cjs'];
const INDEXES = ['celery.ts', 'celery.mts', 'celery.js', 'celery.mjs', 'index.ts', 'index.mts', 'index.js', 'index.mjs'];

/** An app and where it was found: children of a pool import it from there. */
export interface LoadedApp {
  readonly app: Celery;
  readonly source: AppSource;
}

/**
 * Finds the app a module exports: `app`, `celery` or the default export, or the name after a colon (`proj.ts:worker`).
 * Throws `UsageError` when the module or the app is not there, `UserModuleError` when the module throws.
 */
export async function loadApp(target: string): Promise<LoadedApp> {
  const [file, exportName] = splitTarget(target);
  const path = moduleUrl(file);
  const candidates = appCandidates(await importModule(file), exportName);
  const app = candidates.find((candidate) => candidate instanceof Celery);
  if (app !== undefined) return { app, source: { module: path, ...(exportName === undefined ? {} : { exportName }) } };
  if (candidates.some(isForeign)) {
    throw new UsageError(
      `Unable to load a tq-bridge app: the Celery app of ${file} is of another copy of tq-bridge.`,
      'run the command of the copy that the module imports: npx tq-bridge in its project',
    );
  }
  const names = exportName === undefined ? "'app', 'celery', 'default'" : `'${exportName}'`;
  throw new UsageError(
    `Unable to load a tq-bridge app: the module ${file} exports no Celery app as ${names}.`,
    'export it, for example: export const app = new Celery("proj", { … })',
  );
}

/** The URL of a user's module. Throws `UsageError` when it is not there. */
export function moduleUrl(file: string): string {
  const path = findModule(file);
  if (path === undefined) {
    throw new UsageError(`Unable to load a tq-bridge app: the module ${file} was not found in ${process.cwd()}.`);
  }
  return pathToFileURL(path).href;
}

/** Imports a user's module by path, with or without its extension; a dotted name is a path too (`proj.tasks` → `proj/tasks`). */
export async function importModule(file: string): Promise<Record<string, unknown>> {
  const url = moduleUrl(file);
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    if (isUnsupportedSyntax(error)) {
      throw new UsageError(
        `${file} uses TypeScript that Node cannot strip (enums, parameter properties, decorators) or .js names for .ts files.`,
        'compile it first, or run with: NODE_OPTIONS="--import tsx"',
      );
    }
    throw new UserModuleError(fileURLToPath(url), error);
  }
}

function isForeign(candidate: unknown): boolean {
  return typeof candidate === 'object' && candidate !== null && 'sendTask' in candidate && candidate.constructor.name === 'Celery';
}

function splitTarget(target: string): [string, string | undefined] {
  const colon = target.lastIndexOf(':');
  // A drive letter (C:\proj) is no separator.
  return colon > 1 ? [target.slice(0, colon), target.slice(colon + 1)] : [target, undefined];
}

function findModule(file: string): string | undefined {
  const bases = file.includes('/') || existsSync(file) ? [file] : [file, file.replaceAll('.', '/')];
  for (const base of bases) {
    for (const extension of EXTENSIONS) {
      const path = resolve(`${base}${extension}`);
      if (existsSync(path) && statSync(path).isFile()) return path;
    }
    for (const index of INDEXES) {
      const path = resolve(base, index);
      if (existsSync(path)) return path;
    }
  }
  return undefined;
}

function isUnsupportedSyntax(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' || code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING';
}
