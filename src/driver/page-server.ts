import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ImproperlyConfiguredError } from '../base/errors.ts';
import { messageOf } from '../base/message-of.ts';
import type { Page, PageAddress, Pages, PageServer } from '../base/pages.ts';

/** Strangers may connect: none holds a connection for longer, and there are not more of them. */
const PATIENCE_MS = 5000;
const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 8192;

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there already',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'this machine has no such address',
};

/**
 * Serves pages to GET and HEAD; 404 for other paths, 405 for other methods. It keeps no process alive. Throws
 * `ImproperlyConfiguredError` when it cannot listen, such as on a port that is in use.
 */
export async function servePages(pages: Pages, { port, host }: PageAddress): Promise<PageServer> {
  const limits = {
    requestTimeout: PATIENCE_MS,
    headersTimeout: PATIENCE_MS,
    keepAliveTimeout: PATIENCE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const server = createServer({ ...limits, connectionsCheckingInterval: 1000 }, (request, response) => answer(pages, request, response));
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();
  server.listen({ port, ...(host === undefined ? {} : { host }) });
  try {
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const where = host === undefined ? `port ${port}` : `port ${port} of ${host}`;
    throw new ImproperlyConfiguredError(`cannot listen on ${where}: ${REASONS[code] ?? messageOf(error)}`, { cause: error });
  }
  return { port: (server.address() as AddressInfo).port, close: () => close(server) };
}

function answer(pages: Pages, { method = '', url = '' }: IncomingMessage, response: ServerResponse): void {
  const { status, contentType, body } = pageFor(pages, method, url);
  if (status === 405) response.setHeader('Allow', 'GET, HEAD');
  // What else comes on the connection of a request that was refused is nobody's.
  if (method !== 'GET' && method !== 'HEAD') response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body), 'Cache-Control': 'no-store' });
  response.end(body);
}

function pageFor(pages: Pages, method: string, url: string): Page {
  const [path = ''] = url.split('?', 1);
  if (!Object.hasOwn(pages, path)) return plain(404, 'not found\n');
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'GET and HEAD only\n');
  return pages[path]?.() ?? plain(404, 'not found\n');
}

function plain(status: number, body: string): Page {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
