import { describe, expect, test } from 'vitest';
import { parseBrokerUrl, parseBrokerUrls } from '../../src/base/broker-url.ts';
import { base64Decode } from '../../src/base/bytes.ts';
import { parseIso8601 } from '../../src/base/iso8601.ts';
import { nearest } from '../../src/base/nearest.ts';
import { maskUrls } from '../../src/cli/secrets.ts';
import { readFields } from '../../src/driver/amqp-fields.ts';
import { escapeLine } from '../../src/driver/logger.ts';
import { parseJson } from '../../src/message/serializers/json-read.ts';
import { writeJson } from '../../src/message/serializers/json-write.ts';
import { decodeTask } from '../../src/protocol/detect.ts';
import { encodeTraceback } from '../../src/protocol/failure.ts';
import { saferepr } from '../../src/protocol/saferepr.ts';
import { matchGlob } from '../../src/routing/glob.ts';
import { globWords } from '../../src/routing/topic.ts';
import { patternTakes, storedPattern } from '../../src/transport/virtual/pattern.ts';

/** For 100 000 hostile characters. Whatever is quadratic takes seconds. */
const MOST_MS = 50;
const SIZE = 100_000;

const HOSTILE: Readonly<Record<string, string>> = {
  letters: 'a'.repeat(SIZE),
  digits: '1'.repeat(SIZE),
  stars: '*a'.repeat(SIZE / 2),
  dots: '.'.repeat(SIZE),
  hashes: '#.'.repeat(SIZE / 2),
  brackets: '['.repeat(SIZE),
  colons: ':'.repeat(SIZE),
  ats: '@/'.repeat(SIZE / 2),
  percents: '%'.repeat(SIZE),
  quotes: '"'.repeat(SIZE),
  backslashes: '\\'.repeat(SIZE),
  spaces: ' '.repeat(SIZE),
  newlines: '\n'.repeat(SIZE),
  controls: '\u001b'.repeat(SIZE),
  surrogates: '\ud800'.repeat(SIZE),
  equals: '='.repeat(SIZE),
  schemes: 'a://'.repeat(SIZE / 4),
  'schemes before an at': `${'a://'.repeat(SIZE / 4)}@`,
  minuses: '-'.repeat(SIZE),
  braces: '{"a":'.repeat(SIZE / 5),
  'not a numbers': 'NaN'.repeat(SIZE / 3),
  'stack frames': '\n    at a ('.repeat(SIZE / 11),
};

const quiet = (run: () => unknown) => (): void => {
  try {
    run();
  } catch {
    // Whether it is refused is for other tests.
  }
};

/** Each reader of text that a peer or a message can fill. */
const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  'ISO 8601': parseIso8601,
  JSON: parseJson,
  'JSON text': (text) => parseJson(JSON.stringify(text)),
  'a typed JSON value': (text) => parseJson(`{"__type__":"datetime","__value__":${JSON.stringify(text)}}`),
  'a decimal': (text) => parseJson(`{"__type__":"decimal","__value__":${JSON.stringify(text)}}`),
  'writing JSON': writeJson,
  base64: base64Decode,
  'a log line': (text) => escapeLine(text),
  saferepr: (text) => saferepr([text]),
  'a broker URL': (text) => parseBrokerUrl(`amqp://${text}`),
  'a line on the terminal': maskUrls,
  'a list of broker URLs': (text) => parseBrokerUrls(`amqp://h;${text}`),
  'a URL query': (text) => parseBrokerUrl(`redis://h/0?${text}&${text}`),
  'a glob on a task name': (text) => matchGlob('*a*b*[!c-d]*e?', text),
  'a topic on a routing key': (text) => globWords('#.a.*.#.b.#', text),
  'a stored pattern on a routing key': (text) => patternTakes(storedPattern('topic', '#.a.*.#.b.#'), text),
  'a hostile stored pattern': (text) => patternTakes(`^${text}$`, 'a.b.c'),
  'a hostile topic': (text) => globWords(text, 'a.b.c'),
  'a known name nearest': (text) => nearest(text, ['application/x-gzip', 'gzip']),
  'task headers': (text) => decodeTask({ task: text, id: 'i', eta: text, retries: text, expires: text }, [[], {}, {}]),
  'a traceback': (text) => encodeTraceback(new Error(text)),
  'an AMQP table': (text) => readFields(Buffer.from(text)),
};

describe.each(Object.entries(READERS))('%s', (_name, read) => {
  test.each(Object.entries(HOSTILE))(`reads 100 000 %s in time`, (_what, text) => {
    const run = quiet(() => read(text));
    // The best of a few: the first ones are not compiled yet.
    let best = Infinity;
    for (let tries = 0; tries < 5 && best >= MOST_MS; tries += 1) best = Math.min(best, timed(run));
    expect(best).toBeLessThan(MOST_MS);
  });
});

/** Milliseconds of this thread's own processor time: other processes do not count. */
function timed(run: () => void): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
