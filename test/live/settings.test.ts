import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parseSettings } from '../../src/app/settings.ts';
import { pythonVenv } from '../servers.ts';

test.each(['5.7.0', '5.6.3', '5.3.6'] as const)('every setting of Celery %s is known, or refused as not built', async (version) => {
  const { python } = await pythonVenv(version);
  const script = 'import json; from celery.app.defaults import DEFAULTS; print(json.dumps(list(DEFAULTS)))';
  const { stdout } = await promisify(execFile)(python, ['-c', script]);
  const names = JSON.parse(stdout) as string[];
  const unknown = names.filter((name) => {
    try {
      // undefined leaves a setting alone, but its name is looked at.
      parseSettings({ [name]: undefined });
      return false;
    } catch (error) {
      return !String(error).includes('is not built yet');
    }
  });

  expect(names.length).toBeGreaterThan(150);
  expect(unknown).toEqual([]);
});
