import { expect, test } from 'vitest';
import { maskUrls } from '../../src/cli/secrets.ts';

test.each([
  ['cannot reach amqp://ada:s3cret@host:5672//: refused', 'cannot reach amqp://**@host:5672//: refused'],
  ['"redis://:s3cret@host/0"', '"redis://**@host/0"'],
  ['amqp://a:p@ss@host', 'amqp://**@host'],
  ['url=AMQPS://a:s3cret@host', 'url=AMQPS://**@host'],
  [`amqp://a:${'x'.repeat(600)}@host`, 'amqp://**@host'],
  ['amqp://ada:**@host is masked already', 'amqp://ada:**@host is masked already'],
  ['worker w1@host, https://example.org/a', 'worker w1@host, https://example.org/a'],
])('%s', (text, shown) => expect(maskUrls(text)).toBe(shown));
