import { expect, test } from 'vitest';
import { sharesPrefetch } from '../../src/transport/amqp/connection.ts';

test.each([
  ['RabbitMQ', '3.10.8', true],
  ['RabbitMQ', '3.13.7', true],
  ['RabbitMQ', '4.0.5', false],
  ['RabbitMQ', '4.3.0-rc.1', false],
  ['RabbitMQ', '10.0.0', false],
  ['RabbitMQ', '', true],
  ['LavinMQ', '4.1.0', true],
  ['', '', true],
])('%s %s: consumers share a prefetch: %s', (product, version, shares) => {
  expect(sharesPrefetch({ product, version })).toBe(shares);
});
