import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EncodeError, SecurityError } from '../../src/base/errors.ts';
import { decodeEmbed, emptyEmbed } from '../../src/protocol/signature.ts';
import { checkClaims, CLAIMS_KEY, withClaims } from '../../src/protocol/signed-claims.ts';
import type { Claimed, SignedClaims } from '../../src/protocol/signed-claims.ts';

const hashed: string[] = [];
const sha256 = (bytes: Uint8Array): string => {
  hashed.push(Buffer.from(bytes).toString());
  return createHash('sha256').update(bytes).digest('hex');
};
const stamp = { at: 1_800_000_000_000, nonce: 'n1', sha256 };
const claimed = (headers: Record<string, unknown> = {}, properties = {}): Claimed => ({
  headers: { id: 'i', task: 't', eta: null, ...headers },
  properties: { correlationId: 'i', replyTo: 'q', ...properties },
});
const body = (message: Claimed): unknown[] => withClaims([[1], {}, emptyEmbed], message, stamp) as unknown[];

describe('claims of a strictly signed task', () => {
  test('stand in the embed, where every reader of the body passes them over', () => {
    const [args, kwargs, embed] = body(claimed());

    expect([args, kwargs]).toEqual([[1], {}]);
    expect(embed).toEqual({
      ...emptyEmbed,
      [CLAIMS_KEY]: { v: 1, at: stamp.at, nonce: 'n1', bound: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(decodeEmbed(embed)).toBe(emptyEmbed);
  });

  test('bind one text: sorted keys, whole numbers in digits', () => {
    hashed.length = 0;
    body(claimed({ z: [1, 1.5, -0, 2n ** 70n, 2 ** 70, true], a: { y: 'ž"', x: null }, gone: undefined }));

    expect(hashed).toEqual([
      '{"correlation_id":"i","headers":{"a":{"x":null,"y":"ž\\""},"eta":null,"id":"i","task":"t",' +
        '"z":[1,1.5,0,1180591620717411303424,1180591620717411303424,true]},"reply_to":"q"}',
    ]);
  });

  test('hold for the message they were made for, whatever its broker added', () => {
    const added = {
      'x-death': [{ count: 1 }],
      'x-first-death-queue': 'q',
      'x-delivery-count': 2,
      redelivered: true,
      compression: 'application/x-gzip',
    };

    expect(checkClaims(body(claimed()), claimed(added), sha256)).toEqual({ nonce: 'n1', at: stamp.at, due: stamp.at });
  });

  test('are due at the ETA where there is one', () => {
    const message = claimed({ eta: '2100-01-01T00:00:00+00:00' });

    expect(checkClaims(body(message), message, sha256)).toMatchObject({ due: Date.UTC(2100, 0, 1) });
  });

  test.each([
    ['another task', claimed({ task: 'danger' })],
    ['another id', claimed({ id: 'j' })],
    ['a time limit that was not there', claimed({ timelimit: [1, 2] })],
    ['a header of their own', claimed({ 'x-tenant': 'red' })],
    ['a header less', { ...claimed(), headers: { id: 'i', task: 't' } }],
    ['text for a number', claimed({ retries: '0' })],
    ['another reply queue', claimed({}, { replyTo: 'thief' })],
    ['another correlation id', claimed({}, { correlationId: 'j' })],
    ['a header that cannot be bound', claimed({ blob: new Uint8Array(2) })],
  ])('do not hold for a message with %s', (_case, message) => {
    expect(() => checkClaims(body(claimed({ retries: 0 })), message, sha256)).toThrow(SecurityError);
  });

  const good: SignedClaims = (body(claimed())[2] as { readonly [CLAIMS_KEY]: SignedClaims })[CLAIMS_KEY];
  test.each([
    ['no body of three', { args: [] }],
    ['no claims', [[], {}, emptyEmbed]],
    ['claims that are inherited', [[], {}, Object.create({ [CLAIMS_KEY]: good })]],
    ['another version', [[], {}, { [CLAIMS_KEY]: { ...good, v: 2 } }]],
    ['no time', [[], {}, { [CLAIMS_KEY]: { ...good, at: null } }]],
    ['an endless time', [[], {}, { [CLAIMS_KEY]: { ...good, at: Infinity } }]],
    ['an empty nonce', [[], {}, { [CLAIMS_KEY]: { ...good, nonce: '' } }]],
    ['a long nonce', [[], {}, { [CLAIMS_KEY]: { ...good, nonce: 'n'.repeat(101) } }]],
    ['no digest', [[], {}, { [CLAIMS_KEY]: { ...good, bound: 1 } }]],
  ])('%s is no claim', (_case, value) => {
    expect(() => checkClaims(value, claimed(), sha256)).toThrow('this one has none');
  });

  test.each([
    ['bytes', { blob: new Uint8Array(2) }, 'headers.blob'],
    ['a date', { tags: [new Date()] }, 'headers.tags[0]'],
    ['NaN', { n: Number.NaN }, 'headers.n'],
    ['half a character', { s: '\ud800' }, 'headers.s'],
    ['a function', { f: () => 1 }, 'headers.f'],
  ])('%s among the headers cannot be bound and is not sent', (_case, headers, path) => {
    expect(() => body(claimed(headers))).toThrow(EncodeError);
    expect(() => body(claimed(headers))).toThrow(path);
  });

  test('headers nested without end are an EncodeError', () => {
    const deep: Record<string, unknown> = {};
    deep['deep'] = deep;

    expect(() => body(claimed({ deep }))).toThrow('too deep');
  });
});
