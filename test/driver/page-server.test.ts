import { connect } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ImproperlyConfiguredError } from '../../src/base/errors.ts';
import type { PageServer } from '../../src/base/pages.ts';
import { servePages } from '../../src/driver/page-server.ts';

const host = '127.0.0.1';
let server: PageServer;
beforeEach(async () => {
  server = await servePages({ '/page': () => ({ status: 503, contentType: 'text/x', body: 'é\n' }) }, { port: 0, host });
});
afterEach(() => server.close());

const ask = (path: string, method = 'GET'): Promise<Response> => fetch(`http://${host}:${server.port}${path}`, { method });

test('GET answers with the page, whatever its query', async () => {
  const response = await ask('/page?a=1');

  expect([response.status, await response.text()]).toEqual([503, 'é\n']);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/x',
    'content-length': '3',
    'cache-control': 'no-store',
  });
});

test('HEAD answers with the head alone', async () => {
  const response = await ask('/page', 'HEAD');

  expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([503, '3', '']);
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
  const response = await ask('/page', method);

  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test.each(['/', '/pages', '/page/', '/constructor', '/__proto__', '//page'])('%s is not there', async (path) => {
  expect((await ask(path)).status).toBe(404);
});

test('a port that is in use is an error that says so', async () => {
  const error = await servePages({}, { port: server.port, host }).catch((reason: unknown) => reason);

  expect(error).toBeInstanceOf(ImproperlyConfiguredError);
  expect(String(error)).toContain(`cannot listen on port ${server.port} of ${host}: something else listens there already`);
});

test('an address of another machine is an error that says so', async () => {
  await expect(servePages({}, { port: 0, host: '192.0.2.1' })).rejects.toThrow('this machine has no such address');
});

test('without a host it is every interface', async () => {
  const everywhere = await servePages(
    { '/x': () => ({ status: 200, contentType: 'text/plain', body: 'x' }) },
    { port: 0, host: undefined },
  );

  expect((await fetch(`http://127.0.0.1:${everywhere.port}/x`)).status).toBe(200);
  await everywhere.close();
});

test('closing ends a connection that says nothing', async () => {
  const socket = connect(server.port, host);
  await once(socket, 'connect');
  const ended = once(socket, 'close');
  socket.resume();

  await server.close();
  await ended;

  await expect(ask('/page')).rejects.toThrow('fetch failed');
  server = await servePages({}, { port: 0, host });
});
