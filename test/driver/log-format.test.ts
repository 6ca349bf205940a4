import { describe, expect, test } from 'vitest';
import { lineFormat } from '../../src/driver/log-format.ts';

const record = { ms: new Date(2026, 10, 5, 7, 8, 9, 12).getTime(), level: 'INFO', message: 'text', taskName: 'a.b', taskId: '42' };
const line = (format: string, datefmt: string | null = null): string => lineFormat(format, datefmt, 'worker_log_format')(record);

describe('a log format', () => {
  test.each([
    ['[%(asctime)s: %(levelname)s/%(processName)s] %(message)s', '[2026-11-05 07:08:09,012: INFO/MainProcess] text'],
    ['%(task_name)s[%(task_id)s]: %(message)s', 'a.b[42]: text'],
    ['%(levelname)-8s|%(levelname)8s|%(levelno)d|%(msecs)d %%', 'INFO    |    INFO|20|12 %'],
    ['%(process)d', String(process.pid)],
  ])('%s', (format, expected) => {
    expect(line(format)).toBe(expected);
  });

  test('a date format is strftime’s', () => {
    expect(line('%(asctime)s', '%d/%b/%y %H:%M:%S %a %%')).toBe('05/Nov/26 07:08:09 Thu %');
  });

  test('names and conversions that there are none of are refused', () => {
    expect(() => line('%(lineno)d')).toThrow('worker_log_format names %(lineno)s; there is asctime,');
    expect(() => line('100% of it')).toThrow('a % that begins nothing');
    expect(() => line('%(asctime)s', '%Q')).toThrow('has %Q; there is %Y');
  });
});
