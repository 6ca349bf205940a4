import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { SecurityError } from '../../src/base/errors.ts';
import { loadCertStore } from '../../src/driver/cert-store.ts';
import { identity, name, rsaKeys } from '../certificates.ts';

const root = mkdtempSync(join(tmpdir(), 'tq-store-'));
const keys = rsaKeys(1024);
const pem = (cn: string, fields = {}): string => identity({ issuer: name([3, cn]), serial: 1n, ...fields }, keys).cert;

describe('certificate store', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(root, 'case-'));
    for (const cn of ['a1', 'a2', 'b[1]']) writeFileSync(join(folder, `${cn}.pem`), pem(cn));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  const ids = (pattern: string): string[] => [...loadCertStore(join(folder, pattern), Date.now()).keys()];

  test.each([
    ['', ['a1 1', 'a2 1', 'b[1] 1']],
    ['*', ['a1 1', 'a2 1', 'b[1] 1']],
    ['a?.pem', ['a1 1', 'a2 1']],
    ['[!b]*.pem', ['a1 1', 'a2 1']],
    ['[ab][12].pem', ['a1 1', 'a2 1']],
    ['b[[]1].pem', ['b[1] 1']],
    ['a1.pem', ['a1 1']],
    ['A*.pem', []],
    ['a.*', []],
    ['none/*.pem', []],
  ])('%s names %j, as a folder or a glob of Python', (pattern, expected) => {
    expect(ids(pattern)).toEqual(expected);
  });

  test('a glob takes folders as well as files', () => {
    for (const sub of ['n1', 'n2', 'm']) {
      mkdirSync(join(folder, sub));
      writeFileSync(join(folder, sub, 'c.pem'), pem(sub));
    }

    expect(ids('n*/?.pem')).toEqual(['n1 1', 'n2 1']);
  });

  test('hidden files are passed over', () => {
    writeFileSync(join(folder, '.hidden'), 'no certificate');

    expect(ids('')).toHaveLength(3);
    expect(() => ids('.*')).toThrow(SecurityError);
  });

  test('an expired certificate is refused when the store is loaded, one not valid yet is not', () => {
    writeFileSync(
      join(folder, 'later.pem'),
      pem('later', { notBefore: new Date(Date.now() + 1000_000), notAfter: new Date(Date.now() + 2000_000) }),
    );
    expect(ids('')).toHaveLength(4);
    writeFileSync(join(folder, 'old.pem'), pem('old', { notBefore: new Date(0), notAfter: new Date(Date.now() - 1000) }));

    expect(() => ids('')).toThrow(/Expired certificate: 'old 1' in .*old\.pem/);
  });

  test('two certificates of one id are refused', () => {
    writeFileSync(join(folder, 'copy.pem'), pem('a1'));

    expect(() => ids('')).toThrow("Duplicate certificate: 'a1 1'");
  });

  test('what is no certificate is refused by its file', () => {
    writeFileSync(join(folder, 'README'), 'hello');
    expect(() => ids('')).toThrow(/Invalid certificate.*README/);
    rmSync(join(folder, 'README'));
    mkdirSync(join(folder, 'folder'));
    expect(() => ids('')).toThrow(/cannot read .*folder/);
  });
});
