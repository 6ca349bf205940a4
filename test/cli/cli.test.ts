import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { splitShortValues } from '../../src/cli/argv.ts';
import { tq } from './tq.ts';

describe('command line', () => {
  test.each([
    [['-linfo'], ['-l', 'info']],
    [
      ['-Qa,b', '-c4'],
      ['-Q', 'a,b', '-c', '4'],
    ],
    [
      ['--', '-linfo'],
      ['--', '-linfo'],
    ],
    [
      ['-A', 'x'],
      ['-A', 'x'],
    ],
  ])('%j becomes %j', (given, expected) => {
    expect(splitShortValues(given)).toEqual(expected);
  });

  test.each([
    [[], 2, 'Name a command'],
    [['worke'], 2, 'No such command: worke. Did you mean worker?'],
    [['purg'], 2, 'No such command: purg. Did you mean purge?'],
    [['result', 'x', '--args', '[]'], 2, 'No such option: --args\n'],
    [['multi'], 2, 'multi is a command of celery'],
    [['inspect', 'nosuch'], 2, 'Command nosuch not recognized. Available inspect commands: active, active_queues,'],
    [['inspect'], 2, 'inspect needs the name of a command'],
    [['control', 'ping'], 2, 'Command ping not recognized. Available control commands: add_consumer'],
    [['control', 'pool_grow', 'x'], 2, 'n takes a whole number'],
    [['control', 'pool_grow', '1', '2'], 2, "Command 'pool_grow' takes arguments: [N=1]"],
    [['-b', 'memory://', 'inspect', 'ping', '-t', '0.05'], 69, 'No nodes replied within time constraint'],
    [['-b', 'memory://', 'status', '-t', '0.05', '--json'], 69, 'No nodes replied within time constraint'],
    [['worker', 'tasks.ts'], 2, "worker does not take 'tasks.ts'"],
    [['worker', '-Z'], 2, 'No such option: -Z'],
    [['call'], 2, 'call needs the name of a task'],
    [['result'], 2, 'result needs the id of a task'],
    [['-A', 'x', 'worker', '--concurency', '2'], 2, 'Did you mean --concurrency?'],
    [['-A', 'x', 'worker', '--autoscale', '3,x'], 2, '--autoscale takes max,min'],
    [['-A', 'x', 'worker', '-O', 'best'], 2, '-O takes default or fair'],
    [['-A', 'x', 'worker', '--uid', '3'], 2, '--uid is a flag of celery worker'],
    [['-A', 'x', 'worker', '-B'], 2, '--beat is a flag of celery worker'],
    [['-A', 'x', 'worker', '-c', '-1'], 2, 'whole number'],
    [['--config', 'celeryconfig', '-A', 'x', 'worker'], 2, '--config is an option of celery'],
    [['--loader', 'default', 'call', 'x'], 2, '--loader is an option of celery'],
    [['call', 't', '--wait'], 2, '--wait needs a result backend'],
    [['-A', 'x', 'worker', '-P', 'greenlets'], 2, "No such pool: 'greenlets'"],
    [['-A', 'x', 'worker', '-c', 'many'], 2, 'whole number'],
    [['-A', 'no-such-module', 'worker'], 2, 'was not found'],
    [['worker'], 2, 'needs an app'],
    [['call', 't', '-a', '{}'], 2, 'JSON array'],
    [['call', 't', '-a', '[1'], 2, 'Error: --args: not JSON: Expected'],
    [['-b', 'amqp://127.0.0.1:1//', 'result', 't'], 78, 'no result backend is set'],
    [['-b', 'amqp://127.0.0.1:1//', '--result-backend', 'rpc://', 'result', 't'], 2, 'to the process that sent the task'],
    [['-b', 'amqp://u:s3cret@127.0.0.1:99999//', 'call', 't'], 78, 'up to 65535'],
    [['call', 't', '--countdown', 'soon'], 2, 'takes a number'],
    [['call', 't', '--eta', 'tomorrow'], 2, 'ISO-8601'],
    [['-b', 'amqp://u:s3cret@127.0.0.1:1//', 'call', 't'], 69, 'ECONNREFUSED'],
    [['-b', 'nothing://x', 'call', 't'], 78, 'no transport for nothing://'],
  ])('%j ends with %i', (args, code, text) => {
    const run = tq(args);

    expect(run.err).toContain(text);
    expect(run.err).not.toContain('s3cret');
    expect(run.code).toBe(code);
  });

  test.each([
    ['throws', "const late = () => { throw new RangeError('at import'); };\nlate();", 'RangeError: at import\n    at late (file://'],
    ['does not parse', 'const = 1;', 'SyntaxError'],
    ['misses a package', "import 'no-such-package';", "Cannot find package 'no-such-package'"],
  ])('a module that %s shows its own error and where', (_name, code, text) => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-cli-'));
    writeFileSync(join(folder, 'app.mjs'), code);

    const run = tq(['-A', 'app', 'worker'], folder);

    expect(run.err).toContain(text);
    expect(run.err).toContain('app.mjs');
    expect(run.code).toBe(1);
  });

  test('an app of another copy of tq-bridge, and none at all, are told apart', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-cli-'));
    writeFileSync(join(folder, 'other.mjs'), 'class Celery { sendTask() {} }\nexport const app = new Celery();');
    writeFileSync(join(folder, 'none.mjs'), 'export const something = 1;');

    expect(tq(['-A', 'other', 'worker'], folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('another copy of tq-bridge') as string,
    });
    expect(tq(['-A', 'none', 'worker'], folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('exports no Celery app') as string,
    });
  });

  test.each([
    ['app.mjs', 'app'],
    ['proj/tasks.mjs', 'proj.tasks'],
    ['proj/celery.mjs', 'proj'],
    ['named.mjs', 'named:mine'],
    ['common.cjs', 'common'],
  ])('-A finds %s as %s', (file, target) => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-cli-'));
    mkdirSync(join(folder, 'proj'));
    const celery = `new Celery('x', { broker_url: 'filesystem://', broker_transport_options: { data_folder_in: 'd', data_folder_out: 'd', control_folder: 'c' } })`;
    const url = new URL('../../src/index.ts', import.meta.url);
    const code = file.endsWith('.cjs')
      ? `const { Celery } = require('${url.pathname}');\nmodule.exports = { ['a' + 'pp']: ${celery} };`
      : `import { Celery } from '${url.href}';\nexport const ${target.includes(':') ? 'mine' : 'app'} = ${celery};`;
    writeFileSync(join(folder, file), code);

    expect(tq(['-A', target, 'call', 't'], folder)).toMatchObject({ code: 0, err: '' });
  });

  test('help and version answer on stdout', () => {
    expect(tq(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('worker') as string });
    expect(tq(['worker', '--help']).out).toContain('--prefetch-multiplier');
    expect(tq(['--version']).out).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('call prints an id, and as JSON an object', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tq-cli-'));
    writeFileSync(
      join(folder, 'app.mjs'),
      `import { Celery } from '${new URL('../../src/index.ts', import.meta.url).href}';
export const celery = new Celery('cli', { broker_url: 'filesystem://', broker_transport_options: { data_folder_in: 'd', data_folder_out: 'd', control_folder: 'c' } });`,
    );

    expect(tq(['-A', 'app', 'call', 'tasks.add', '-a', '[2, 3]'], folder).out).toMatch(/^[0-9a-f-]{36}\n$/);
    expect(JSON.parse(tq(['-A', 'app.mjs', 'call', 'tasks.add', '--id', 'mine', '--json'], folder).out)).toEqual({ task_id: 'mine' });
  });
});
