import { CeleryApp } from './celery.ts';

/** Under these names a module exports its app. */
const EXPORTS: readonly string[] = ['app', 'celery', 'default'];

type Exports = Readonly<Record<string, unknown>>;

/** Whatever a module exports where its app is looked for: under one name, or under the usual ones. */
export function appCandidates(module: Exports, exportName: string | undefined): unknown[] {
  const names = exportName === undefined ? EXPORTS : [exportName];
  return names.map((name) => module[name] ?? commonJs(module)?.[name]);
}

/** The app of a module, or `undefined`. */
export function findApp(module: Exports, exportName: string | undefined): CeleryApp | undefined {
  return appCandidates(module, exportName).find((candidate) => candidate instanceof CeleryApp);
}

/** What a CommonJS module exports by names that only running it reveals. */
function commonJs(module: Exports): Exports | undefined {
  const exported = module['default'];
  return typeof exported === 'object' && exported !== null ? (exported as Exports) : undefined;
}
