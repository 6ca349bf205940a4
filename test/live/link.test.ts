import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BrokerLink } from '../../src/app/connection.ts';
import { parseSettings } from '../../src/app/settings.ts';
import { parseBrokerUrl, parseBrokerUrls } from '../../src/base/broker-url.ts';
import { ImproperlyConfiguredError } from '../../src/base/errors.ts';
import type { Logger } from '../../src/base/logger.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemHost } from '../../src/driver/host.ts';
import { loadTransport } from '../../src/transport/registry.ts';
import { faultProxy, rabbitmq } from '../servers.ts';
import type { Server } from '../servers.ts';
import { freePort } from '../servers/ports.ts';
import { rabbitmqBinary, startRabbitmq } from '../servers/rabbitmq.ts';

let server: Server;
beforeAll(async () => {
  server = await rabbitmq();
});
afterAll(() => server?.stop());

const linkTo = (urls: string, settings: Readonly<Record<string, unknown>> = {}, logger: Logger = silentLogger): BrokerLink =>
  new BrokerLink({ urls: parseBrokerUrls(urls), settings: parseSettings(settings), host: systemHost, logger, loadTransport });

describe('the link to the broker', () => {
  test('a failover list moves on when the first is dead, and back when the second dies', async () => {
    await using first = await faultProxy(server.url);
    await using second = await faultProxy(server.url);
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, error: (line) => void lines.push(line) };
    first.refuse(true);
    const link = linkTo(`${first.url};${second.url}`, {}, logger);

    const moved = await link.openWithRetry(new AbortController().signal);
    expect(second.accepted).toBe(1);

    first.refuse(false);
    second.refuse(true);
    second.cut();
    await moved.closed;
    const began = performance.now();
    await link.openWithRetry(new AbortController().signal);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(lines.join()).not.toContain('guest:guest');
    await link.close();
  });

  test('closing while a lost connection is opened again leaves no connection', async () => {
    await using proxy = await faultProxy(server.url);
    const link = linkTo(proxy.url);
    const lost = await link.open();
    proxy.cut();
    await lost.closed;

    const opening = link.open();
    await link.close();

    expect((await opening).isOpen).toBe(false);
    expect(link.current).toBeUndefined();
  });

  test('an option of broker_use_ssl that nobody knows is refused by name', async () => {
    const link = linkTo(server.url, { broker_use_ssl: { ca_cert: '/etc/ca.pem' } });

    await expect(link.open()).rejects.toBeInstanceOf(ImproperlyConfiguredError);
    await expect(link.open()).rejects.toThrow('did you mean ca_certs');
  });

  test('a port that speaks no TLS is refused, never used in the clear', async () => {
    const link = linkTo(server.url, { broker_use_ssl: true });

    await expect(link.open()).rejects.toThrow(parseBrokerUrl(server.url).masked);
  });

  test('TLS with a certificate of our own works, and fails closed without it', async ({ skip }) => {
    const binary = await rabbitmqBinary();
    if (binary === undefined) return skip('needs a RabbitMQ of its own with TLS');
    const folder = mkdtempSync(join(tmpdir(), 'tq-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert], {
      stdio: 'pipe',
    });
    const port = await freePort();
    const files = [`cacertfile = ${cert}`, `certfile = ${cert}`, `keyfile = ${key}`].map((line) => `ssl_options.${line}`);
    await using secure = await startRabbitmq(binary, { config: [`listeners.ssl.1 = 127.0.0.1:${port}`, ...files].join('\n') });
    const url = secure.url.replace(/:\d+/g, (part) =>
      part === `:${new URL(secure.url.replace('amqp', 'http')).port}` ? `:${port}` : part,
    );

    const trusted = linkTo(url, { broker_use_ssl: { ca_certs: cert, cert_reqs: 'CERT_REQUIRED' } });
    expect((await trusted.open()).isOpen).toBe(true);
    await expect(linkTo(url, { broker_use_ssl: true }).open()).rejects.toThrow('self-signed');
    await expect(linkTo(url).open()).rejects.toThrow('Cannot connect');
    await trusted.close();
  });
});
