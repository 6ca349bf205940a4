import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SecurityError } from '../base/errors.ts';
import type { EpochMs } from '../base/host.ts';
import { Certificate, quote } from './x509.ts';
import { messageOf } from '../base/message-of.ts';

/**
 * The certificates of a folder, or of the files that a glob takes, by id. Read once. Throws `SecurityError` for a file that
 * is no RSA certificate, one that has expired, and one that is there twice. `celery/security/certificate.py FSCertStore`.
 */
export function loadCertStore(path: string, now: EpochMs): ReadonlyMap<string, Certificate> {
  const store = new Map<string, Certificate>();
  for (const file of expand(isFolder(path) ? join(path, '*') : path)) {
    const certificate = readCertificate(file);
    if (now >= certificate.notAfter) throw new SecurityError(`Expired certificate: ${quote(certificate.id)} in ${file}`);
    if (store.has(certificate.id)) throw new SecurityError(`Duplicate certificate: ${quote(certificate.id)} in ${file}`);
    store.set(certificate.id, certificate);
  }
  return store;
}

/** A certificate from a file. Throws `SecurityError` that names the file. */
export function readCertificate(file: string): Certificate {
  try {
    return new Certificate(readText(file));
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    throw new SecurityError(`${error.message} (${file})`, { cause: error });
  }
}

/** A text file. Throws `SecurityError` when it cannot be read. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SecurityError(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** Python's `glob.glob`, one folder after another: `*`, `?` and `[…]`; hidden files only for a pattern with a leading dot. */
function expand(pattern: string): string[] {
  const parts = pattern.split('/');
  let found = [parts[0] === '' ? '/' : ''];
  for (const part of parts.filter((name) => name !== '')) {
    found = found.flatMap((folder) => (/[*?[]/.test(part) ? matching(folder, part) : [join(folder, part)].filter(isThere)));
  }
  return found.toSorted();
}

function matching(folder: string, part: string): string[] {
  if (!isFolder(folder === '' ? '.' : folder)) return [];
  const shape = shapeOf(part);
  const names = readdirSync(folder === '' ? '.' : folder).filter(
    (name) => shape.test(name) && (part.startsWith('.') || !name.startsWith('.')),
  );
  return names.map((name) => join(folder, name));
}

/** A pattern of the operator's, not of a peer's. */
function shapeOf(part: string): RegExp {
  const source = part.replace(/\[(!?)(\]?[^\]]*)\]|[\s\S]/g, (piece, not: string | undefined, set: string | undefined) => {
    if (piece === '*') return '[^]*';
    if (piece === '?') return '[^]';
    if (set !== undefined && set !== '') return `[${not === '!' ? '^' : ''}${set.replace(/[\\\]^[]/g, '\\$&')}]`;
    return piece.replace(/[$()*+.?[\\\]^{|}/]/g, '\\$&');
  });
  return new RegExp(`^${source}$`);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
