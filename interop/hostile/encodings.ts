import { deflateSync, gzipSync } from 'node:zlib';
import { EMBED, int, OK_BODY } from './case.ts';
import type { Cases } from './case.ts';

/** Content type, encoding and compression: the rows C. */
export const ENCODINGS: Cases = {
  'C01 zlib named, plain body': { headers: { compression: 'application/x-gzip' }, ours: 'refused', python: 'lost', stores: 'DecodeError' },
  'C02 unknown compression': { headers: { compression: 'application/x-nobody' }, ours: 'refused', python: 'lost', stores: 'DecodeError' },
  'C03 compression int': { headers: { compression: int(1) }, ours: 'refused', python: 'lost', stores: 'DecodeError' },
  'C04 compression list': { headers: { compression: ['zlib'] }, ours: 'refused', python: 'lost', stores: 'DecodeError' },
  'C05 truncated stream': {
    headers: { compression: 'zlib' },
    body: deflateSync(OK_BODY).subarray(0, 20),
    ours: 'refused',
    python: 'lost',
    stores: 'DecodeError',
  },
  'C06 real gzip': { headers: { compression: 'gzip' }, body: gzipSync(OK_BODY), ours: 'refused', python: 'lost', stores: 'DecodeError' },
  'C07 bomb, 300 kB to 300 MB': {
    headers: { compression: 'application/x-gzip' },
    body: () => deflateSync(Buffer.concat([Buffer.from('[["'), Buffer.alloc(300 * 1024 * 1024, 0x78), Buffer.from(`",2],{},${EMBED}]`)])),
    ours: 'refused',
    python: 'ran',
    stores: 'DecodeError',
  },
  'C08 zlib with trailing garbage': {
    headers: { compression: 'zlib' },
    body: Buffer.concat([deflateSync(OK_BODY), Buffer.from('x')]),
    ours: 'ran',
    python: 'ran',
  },
  'C10 no content type': { contentType: null, ours: 'refused', python: 'crash', stores: 'ContentDisallowed' },
  'C11 pickle': { contentType: 'application/x-python-serialize', ours: 'refused', python: 'rejected', stores: 'ContentDisallowed' },
  'C12 yaml': { contentType: 'application/x-yaml', ours: 'refused', python: 'rejected', stores: 'ContentDisallowed' },
  'C13 text/plain': { contentType: 'text/plain', ours: 'refused', python: 'rejected', stores: 'ContentDisallowed' },
  'C14 application/data': { contentType: 'application/data', ours: 'refused', python: 'crash', stores: 'ContentDisallowed' },
  'C15 application/data abc': {
    contentType: 'application/data',
    body: 'abc',
    ours: 'refused',
    python: 'lost',
    stores: 'ContentDisallowed',
  },
  'C16 with charset': { contentType: 'application/json; charset=utf-8', ours: 'refused', python: 'rejected', stores: 'ContentDisallowed' },
  'C17 upper case': { contentType: 'APPLICATION/JSON', ours: 'refused', python: 'rejected', stores: 'ContentDisallowed' },
  'C18 unknown content encoding': { contentEncoding: 'x-unknown', ours: 'ran', python: 'ran' },
  'C19 binary': { contentEncoding: 'binary', ours: 'ran', python: 'ran' },
  'C20 utf-16': { contentEncoding: 'utf-16', body: Buffer.from(OK_BODY, 'utf16le'), ours: 'refused', python: 'ran', stores: 'DecodeError' },
  'C21 application/data, unknown codec': {
    contentType: 'application/data',
    contentEncoding: 'x-unknown',
    ours: 'refused',
    python: 'lost',
    stores: 'ContentDisallowed',
  },
  'C23 no content encoding': { contentEncoding: null, ours: 'ran', python: 'ran' },
  'C22 application/text, bomb as content encoding': {
    contentType: 'application/text',
    contentEncoding: 'zlib',
    body: () => deflateSync(Buffer.alloc(50 * 1024 * 1024)),
    ours: 'refused',
    python: 'crash',
    stores: 'ContentDisallowed',
  },
};
