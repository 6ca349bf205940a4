import { packageVersion } from '../driver/version.ts';
import { saferepr } from '../protocol/saferepr.ts';
import type { CeleryApp } from './celery.ts';
import { censored } from './censor.ts';
import { parseSettings } from './settings.ts';

/** Settings that differ from their defaults, or all of them, without secrets. `celery/app/utils.py Settings.table`. */
export function settingsTable({ settings }: CeleryApp, withDefaults: boolean): Record<string, unknown> {
  const defaults: Readonly<Record<string, unknown>> = { ...parseSettings({}) };
  const shown = Object.entries(settings).filter(
    ([name, value]) => withDefaults || saferepr(value, { maxLevels: 10 }) !== saferepr(defaults[name], { maxLevels: 10 }),
  );
  return Object.fromEntries(shown.map(([name, value]) => [name, censored(name, value)]));
}

/** What a bug report needs, in Celery's layout. `celery/app/utils.py bugreport`. */
export function bugReport(app: CeleryApp): string {
  const settings = Object.entries(settingsTable(app, false)).map(([name, value]) => `${name}: ${saferepr(value)}`);
  const { versions, platform, arch } = process;
  return [
    '',
    `software -> tq-bridge:${packageVersion()} node:${versions.node} v8:${versions.v8}`,
    `platform -> system:${platform} arch:${arch}`,
    `settings -> transport:${app.brokerLabel.split(':')[0] ?? ''} results:${app.backendLabel}`,
    '',
    ...settings,
    '',
  ].join('\n');
}
