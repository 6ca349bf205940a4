import { constants, createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { KeyFolder, Signing } from '../../test/certificates.ts';
import type { AmqpCase, Cases, Expected } from './case.ts';
import { OK_BODY } from './case.ts';

/** Who there is: two in the store of the workers, one of them not valid yet, and a stranger. */
export interface Signers {
  readonly known: Signing;
  readonly early: Signing;
  readonly stranger: Signing;
}

/** A case whose body needs keys. */
export interface SignedCase extends Expected, Pick<AmqpCase, 'headers' | 'contentType'> {
  readonly make: (signers: Signers) => string | Buffer;
}

const NAMES: Readonly<Record<keyof Signers, string>> = { known: 'known', early: 'early', stranger: 'stranger' };

/** Makes the three. */
export function makeSigners(keys: KeyFolder): Signers {
  const tomorrow = new Date(Date.now() + 86_400_000);
  return {
    known: keys.add(NAMES.known),
    early: keys.add(NAMES.early, { notBefore: tomorrow, notAfter: new Date(tomorrow.getTime() + 86_400_000) }),
    stranger: keys.add(NAMES.stranger, { stored: false }),
  };
}

interface Parts {
  readonly by?: keyof Signers;
  /** Whose name stands in the message. */
  readonly as?: keyof Signers;
  readonly type?: string;
  readonly body?: string;
  /** What is sent instead of what was signed. */
  readonly sent?: string;
  readonly signature?: (given: Buffer) => Buffer;
}

/** Celery 5.5's layout, written here a second time so that it can be written wrong. */
function signed(
  signers: Signers,
  { by = 'known', as = by, type = 'application/json', body = OK_BODY, sent = body, signature = (given) => given }: Parts = {},
): string {
  const key = createPrivateKey(readFileSync(signers[by].security_key));
  const made = sign('sha256', Buffer.from(body), {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
  });
  const base64 = (given: Buffer | string): string => Buffer.from(given).toString('base64');
  return base64([base64(`DE Acme Inc ${NAMES[as]} 737894404660`), base64(signature(made)), type, 'utf-8', sent].join('\0\u0001'));
}

const flipped = (given: Buffer): Buffer => Buffer.from(given.map((byte, index) => (index === 9 ? byte ^ 1 : byte)));
const made = (
  make: SignedCase['make'],
  ours: SignedCase['ours'],
  python: SignedCase['python'],
  more: Partial<SignedCase> = {},
): SignedCase => ({ make, ours, python, ...more });
const forged = (make: SignedCase['make']): SignedCase => made(make, 'rejected', 'lost');

/** For workers that take signed tasks only, not strict: the rows S. */
export const SIGNED: Cases<SignedCase> = {
  'S01 good': made((all) => signed(all), 'ran', 'ran'),
  'S02 unsigned JSON': made(() => OK_BODY, 'rejected', 'rejected', { contentType: 'application/json' }),
  'S03 unsigned application/text': made(() => 'abc', 'rejected', 'lost', { contentType: 'application/text' }),
  'S04 unsigned application/data': forged(() => OK_BODY),
  'S05 body changed': forged((all) => signed(all, { sent: OK_BODY.replace('1', '9') })),
  'S06 signature changed': forged((all) => signed(all, { signature: flipped })),
  'S07 signature cut': forged((all) => signed(all, { signature: (given) => given.subarray(1) })),
  'S08 unknown signer': forged((all) => signed(all, { by: 'stranger' })),
  'S09 forged signer': forged((all) => signed(all, { by: 'stranger', as: 'known' })),
  'S10 not base64': forged(() => '***'),
  'S11 two fields': forged(() => Buffer.from('YQABYg==')),
  'S12 empty': made(() => '', 'rejected', 'crash'),
  'S13 a million separators': forged(() => Buffer.from('\0\u0001'.repeat(1_000_000)).toString('base64')),
  'S14 signer not valid yet': made((all) => signed(all, { by: 'early' }), 'ran', 'ran'),
  'S15 type inside changed to YAML': made((all) => signed(all, { type: 'application/x-yaml' }), 'ran', 'ran'),
  'S16 type inside changed to pickle': forged((all) => signed(all, { type: 'application/x-python-serialize' })),
  'S17 type inside changed to signed': forged((all) => signed(all, { type: 'application/data' })),
  'S18 type inside changed to application/text': made((all) => signed(all, { type: 'application/text' }), 'rejected', 'crash'),
  'S19 signed bytes labelled JSON': made((all) => signed(all), 'rejected', 'rejected', { contentType: 'application/json' }),
  'S20 header task changed to another': made((all) => signed(all), 'refused', 'refused', {
    headers: { task: 'nobody' },
    stores: 'NotRegistered',
  }),
};

/** The cases with the bodies that these signers make. */
export function withSigners(cases: Cases<SignedCase>, signers: Signers): Cases {
  const entries = Object.entries(cases).map(([title, { make, ...given }]): [string, AmqpCase] => [
    title,
    { contentType: 'application/data', ...given, body: () => Buffer.from(make(signers)) },
  ]);
  return Object.fromEntries(entries);
}

/** A good task of the probe's, signed. */
export function signedProbe(signers: Signers): AmqpCase {
  const body = Buffer.from(signed(signers, { body: '[[],{},{}]' }));
  return { headers: { task: 'h.probe' }, contentType: 'application/data', body, ours: 'ran', python: 'ran' };
}
