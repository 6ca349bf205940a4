import { Celery } from '../celery.ts';
import { loadApp } from './load-app.ts';

/** What the global options say about the app. */
export interface AppOptions {
  readonly app: string | undefined;
  readonly overrides: Readonly<Record<string, unknown>>;
}

/** Reads `-A`, `-b` and `--result-backend`; the app's name also from `CELERY_APP`. */
export function appOptions(argv: Readonly<Record<string, unknown>>): AppOptions {
  const overrides: Record<string, unknown> = {};
  if (typeof argv['broker'] === 'string') overrides['broker_url'] = argv['broker'];
  if (typeof argv['result-backend'] === 'string') overrides['result_backend'] = argv['result-backend'];
  const app = typeof argv['app'] === 'string' ? argv['app'] : process.env['CELERY_APP'];
  return { app, overrides };
}

/** The app a client command works with: the user's, or a bare one that needs only URLs. `settings` win over both. */
export async function clientApp(
  argv: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Celery> {
  const { app, overrides: given } = appOptions(argv);
  const overrides = { ...given, ...settings };
  if (app === undefined) return new Celery('tq-bridge', overrides);
  const { app: loaded } = await loadApp(app);
  loaded.configure(overrides);
  tellOptions(loaded, argv);
  return loaded;
}

/** Tells the listeners of `user_preload_options` what stands on the command line: once each, under its long name. */
export function tellOptions(app: Celery, { $0: _program, ...argv }: Readonly<Record<string, unknown>>): void {
  const options = Object.fromEntries(Object.entries(argv).filter(([name, value]) => name.length > 1 && value !== undefined));
  app.signals.send('user_preload_options', { options });
}
