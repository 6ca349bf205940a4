import { ImproperlyConfiguredError } from '../base/errors.ts';
import type { Host } from '../base/host.ts';
import { nearest } from '../base/nearest.ts';
import { loadCertStore } from '../driver/cert-store.ts';
import { sha256Hex } from '../driver/digest.ts';
import type { Message } from '../message/message.ts';
import type { SerializerRegistry } from '../message/registry.ts';
import type { Serializer } from '../message/serializer.ts';
import { AUTH_CONTENT_TYPE, authSerializer } from '../message/serializers/auth.ts';
import { checkClaims, withClaims } from '../protocol/signed-claims.ts';
import type { AdmittedClaims } from '../protocol/signed-claims.ts';
import type { Settings } from './settings.ts';
import { findDigest, loadSigner, verifierOf } from './signers.ts';

/** Options of `setupSecurity`: Celery's, in camelCase; each wins over the setting of the same meaning. */
export interface SecurityOptions {
  /**
   * Serializers accepted inside a signed body, besides the one that is sent; by name or content type. Default: whatever is
   * registered. In strict mode none but the one that is sent.
   */
  readonly allowedSerializers?: readonly string[];
  /** File of the private key, PEM. */
  readonly key?: string;
  readonly keyPassword?: string | Uint8Array;
  /** File of the certificate that belongs to the key, PEM. */
  readonly cert?: string;
  /** Folder of the certificates of everybody whose messages are accepted, or a glob of their files. */
  readonly store?: string;
  readonly digest?: string;
  /** What writes the body that is signed. */
  readonly serializer?: string;
}

/** What an app that signs and verifies has. */
export interface Security {
  /** Reads and writes signed bodies. */
  readonly serializer: Serializer;
  /** Present in strict mode. */
  readonly strict: StrictSigning | undefined;
}

/** What a strict app does to each task it sends and to each that it takes. */
export interface StrictSigning {
  /** A body with claims that bind its message. Throws `EncodeError` for a header that cannot be bound. */
  seal(body: unknown, message: Pick<Message, 'headers' | 'properties'>): unknown;
  /** Throws `SecurityError` when the message is not as it was signed. */
  check(body: unknown, message: Pick<Message, 'headers' | 'properties'>): AdmittedClaims;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof SecurityOptions>([
  'allowedSerializers',
  'key',
  'keyPassword',
  'cert',
  'store',
  'digest',
  'serializer',
]);

/** Throws `ImproperlyConfiguredError` unless tasks are signed, and nothing but signed ones taken. `celery/security/__init__.py`. */
export function requireSigning({ task_serializer, accept_content, task_protocol, security_strict }: Settings): void {
  if (task_serializer !== 'auth' || accept_content.length !== 1 || accept_content[0] !== 'auth')
    throw new ImproperlyConfiguredError(
      "signing needs task_serializer 'auth' and accept_content ['auth']: signatures that nobody demands protect nobody",
    );
  if (security_strict && task_protocol !== 2) throw new ImproperlyConfiguredError('security_strict needs task_protocol 2');
}

/**
 * Loads key, certificate and store. Throws `ImproperlyConfiguredError` for settings that are missing or do not go together,
 * `SecurityError` for files that are not what they should be. `celery/security/__init__.py setup_security`.
 */
export function loadSecurity(options: SecurityOptions, settings: Settings, registry: SerializerRegistry, host: Host): Security {
  for (const name in options) if (!OPTIONS.has(name)) refuse(name);
  requireSigning(settings);
  const key = options.key ?? settings.security_key;
  const cert = options.cert ?? settings.security_certificate;
  const store = options.store ?? settings.security_cert_store;
  if (key === null || cert === null || store === null)
    throw new ImproperlyConfiguredError('signing needs security_key, security_certificate and security_cert_store');
  const digest = findDigest(options.digest ?? settings.security_digest);
  const inner = registry.byName(options.serializer ?? 'json');
  if (inner.contentType === AUTH_CONTENT_TYPE)
    throw new ImproperlyConfiguredError(`${inner.name} cannot be signed: it has the type of signed bodies`);
  const signer = loadSigner(key, options.keyPassword ?? settings.security_key_password ?? undefined, cert, digest);
  const verifier = verifierOf(loadCertStore(store, host.now()), digest, settings.security_strict, host);
  const reader = readerOf(inner, options.allowedSerializers, settings.security_strict, registry);
  return {
    serializer: authSerializer({ signer, verifier, inner, reader }),
    strict: settings.security_strict ? strictSigning(host) : undefined,
  };
}

function refuse(name: string): never {
  const near = nearest(name, OPTIONS);
  throw new TypeError(`setupSecurity has no option ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
}

function readerOf(
  inner: Serializer,
  allowed: readonly string[] | undefined,
  strict: boolean,
  registry: SerializerRegistry,
): (contentType: string) => Serializer | undefined {
  if (strict && allowed !== undefined)
    throw new ImproperlyConfiguredError(
      `security_strict pins the type inside signed bodies to ${inner.name}: leave allowedSerializers out`,
    );
  const types = allowed === undefined ? undefined : registry.contentTypes(allowed);
  return (contentType) => {
    if (contentType === inner.contentType) return inner;
    if (strict || contentType === AUTH_CONTENT_TYPE || types?.has(contentType) === false) return undefined;
    return registry.byContentType(contentType);
  };
}

function strictSigning(host: Host): StrictSigning {
  return {
    seal: (body, message) => withClaims(body, message, { at: host.now(), nonce: host.uuid(), sha256: sha256Hex }),
    check: (body, message) => checkClaims(body, message, sha256Hex),
  };
}
