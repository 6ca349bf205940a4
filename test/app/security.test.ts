import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { ImproperlyConfiguredError, SecurityError } from '../../src/base/errors.ts';
import { Celery } from '../../src/celery.ts';
import { KeyFolder } from '../certificates.ts';

const keys = new KeyFolder();
const a = keys.add('signer-a');
const b = keys.add('signer-b');
afterAll(() => keys[Symbol.dispose]());

const app = (settings: object = a): Celery => new Celery('x', { broker_url: 'memory://security', ...settings });
const setUp = (settings: object = a, options = {}): Celery => {
  const made = app(settings);
  made.setupSecurity(options);
  return made;
};

describe('setupSecurity', () => {
  test('makes auth a serializer that reads what it writes, and what others of the store write', () => {
    const written = setUp(b)
      .serializers.byName('auth')
      .encode([[1], {}, {}]);

    expect(setUp().serializers.byName('auth').decode(written)).toEqual([[1], {}, {}]);
    expect(setUp().serializers.contentTypes(['auth'])).toEqual(new Set(['application/data']));
  });

  test('before it, auth says what is missing', () => {
    expect(() => app().serializers.byName('auth')).toThrow('only after app.setupSecurity()');
  });

  test.each([
    ['tasks that are not signed', { ...a, task_serializer: 'json' }, {}, "needs task_serializer 'auth'"],
    ['unsigned tasks accepted', { ...a, accept_content: ['auth', 'json'] }, {}, "accept_content ['auth']"],
    ['no key', { ...a, security_key: null }, {}, 'security_key'],
    ['no store', { ...a, security_cert_store: undefined }, {}, 'security_cert_store'],
    ['an unknown digest', { ...a, security_digest: 'sha257' }, {}, 'security_digest must be one of md5'],
    ['an unknown inner serializer', a, { serializer: 'jsonn' }, "did you mean 'json'"],
    ['itself inside', a, { serializer: 'auth' }, 'auth'],
    ['pickle allowed', a, { allowedSerializers: ['pickle'] }, 'pickle is refused'],
    ['a strict protocol 1', { ...a, security_strict: true, task_protocol: 1 }, {}, 'task_protocol 2'],
    ['a strict choice of types', { ...a, security_strict: true }, { allowedSerializers: ['json'] }, 'pins the type'],
  ])('%s is refused as a setting', (_case, settings, options, reason) => {
    expect(() => setUp(settings, options)).toThrow(ImproperlyConfiguredError);
    expect(() => setUp(settings, options)).toThrow(reason);
  });

  test.each([
    ['a key of another certificate', { ...a, security_key: b.security_key }, 'does not belong to the key'],
    ['a key that is not there', { ...a, security_key: '/nowhere/key' }, 'cannot read /nowhere/key'],
    ['a certificate for a key', { ...a, security_key: a.security_certificate }, 'Invalid private key'],
    ['a key for a certificate', { ...a, security_certificate: a.security_key }, 'Invalid certificate'],
  ])('%s is a SecurityError', (_case, settings, reason) => {
    expect(() => setUp(settings)).toThrow(SecurityError);
    expect(() => setUp(settings)).toThrow(reason);
  });

  test('options win over settings and unknown ones are refused', () => {
    const { security_key: key, security_certificate: cert, security_cert_store: store } = b;
    const made = setUp(
      { ...a, security_key: '/nowhere', security_certificate: '/nowhere', security_cert_store: '/nowhere' },
      { key, cert, store, digest: 'sha512' },
    );

    expect(() => setUp().serializers.byName('auth').decode(made.serializers.byName('auth').encode(1))).toThrow('Bad signature');
    expect(() => setUp(a, { keyPasword: 'x' })).toThrow(TypeError);
    expect(() => setUp(a, { keyPasword: 'x' })).toThrow('did you mean keyPassword');
    expect(() => made.setupSecurity()).toThrow(TypeError);
  });

  test('settings that come later cannot undo it', () => {
    const made = setUp();

    expect(() => made.configure({ accept_content: ['json'] })).toThrow(ImproperlyConfiguredError);
    expect(() => made.configure({ security_digest: 'sha1' })).toThrow('before setupSecurity');
    expect(() => made.configure({ broker_url: 'memory://other' })).not.toThrow();
  });

  test('signing with an expired certificate works, as in Celery 5.7; nobody accepts it', () => {
    const old = keys.add('old', { notBefore: new Date(0), notAfter: new Date(Date.now() - 1000), stored: false });
    const written = setUp(old).serializers.byName('auth').encode([1]);

    expect(() => setUp().serializers.byName('auth').decode(written)).toThrow('Unknown certificate');
  });

  test('a certificate that expires later is refused from then on', async () => {
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000);
    using folder = new KeyFolder();
    const { serializers } = setUp(folder.add('soon', { notAfter }));
    const written = serializers.byName('auth').encode([1]);

    expect(serializers.byName('auth').decode(written)).toEqual([1]);
    await expect.poll(() => Date.now() > notAfter.getTime(), { timeout: 5000 }).toBe(true);
    expect(() => serializers.byName('auth').decode(written)).toThrow(/^Expired certificate: 'DE Acme Inc soon /);
  });

  test('a certificate that is not valid yet holds in Celery and here, but not in strict mode', () => {
    using folder = new KeyFolder();
    const settings = folder.add('early', { notBefore: new Date(Date.now() + 1000_000), notAfter: new Date(Date.now() + 2000_000) });
    const written = setUp(settings).serializers.byName('auth').encode([1]);

    expect(setUp(settings).serializers.byName('auth').decode(written)).toEqual([1]);
    expect(() =>
      setUp({ ...settings, security_strict: true })
        .serializers.byName('auth')
        .decode(written),
    ).toThrow('not valid yet');
  });

  test('an encrypted key opens, and its password is in no error', () => {
    const passphrase = 'canary-5ecret';
    const file = join(keys.path, 'locked.key');
    const locked = createPrivateKey(readFileSync(a.security_key)).export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase,
    });
    writeFileSync(file, locked);
    const settings = { ...a, security_key: file };

    expect(() => setUp({ ...settings, security_key_password: passphrase })).not.toThrow();
    expect(() => setUp(settings, { keyPassword: Buffer.from(passphrase) })).not.toThrow();
    for (const wrong of [`${passphrase}x`, Buffer.from(`${passphrase}x`)]) {
      let error: unknown;
      try {
        setUp({ ...settings, security_key_password: wrong });
      } catch (caught) {
        error = caught;
      }
      expect(error).toBeInstanceOf(SecurityError);
      expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/canary/);
    }
    expect(inspect(setUp({ ...settings, security_key_password: passphrase }), { depth: 2 })).not.toMatch(/canary/);
  });
});
