import type { EpochMs } from '../base/host.ts';
import type { SignatureWire } from './signature.ts';

/** The third element of a protocol-2 body. `chain` is reversed: the next step is its last element. */
export interface Embed {
  readonly callbacks: readonly SignatureWire[] | null;
  readonly errbacks: readonly SignatureWire[] | null;
  readonly chain: readonly SignatureWire[] | null;
  readonly chord: SignatureWire | null;
}

/** One task as a worker sees it and as a client sends it, whichever protocol version carries it. */
export interface TaskRequest {
  readonly id: string;
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly embed: Embed;
  readonly lang: string | undefined;
  readonly shadow: string | undefined;
  readonly eta: EpochMs | undefined;
  readonly expires: EpochMs | undefined;
  /** `eta` and `expires` as text on the wire; a retry sends `expires` on unchanged. */
  readonly etaText: string | undefined;
  readonly expiresText: string | undefined;
  readonly group: string | undefined;
  readonly groupIndex: number | undefined;
  readonly retries: number;
  /** Seconds; hard first on the wire. */
  readonly timeLimit: number | undefined;
  readonly softTimeLimit: number | undefined;
  readonly rootId: string | undefined;
  readonly parentId: string | undefined;
  readonly argsrepr: string | undefined;
  readonly kwargsrepr: string | undefined;
  readonly origin: string | undefined;
  /** `undefined`: the task decides. */
  readonly ignoreResult: boolean | undefined;
  readonly replacedTaskNesting: number;
  readonly stampedHeaders: readonly string[] | undefined;
  readonly stamps: Readonly<Record<string, unknown>>;
  /** Headers that Celery does not know: the user's own. They survive retries. */
  readonly headers: Readonly<Record<string, unknown>>;
}
