import { encodeException, encodeTraceback, exceptionRepr } from '../protocol/failure.ts';

/** What a task threw; an error in its place when it cannot be read, such as a revoked proxy or a getter that throws. */
export function readable(thrown: unknown): unknown {
  try {
    encodeException(thrown);
    encodeTraceback(thrown);
    exceptionRepr(thrown);
    return thrown;
  } catch {
    return new Error('the task threw something that cannot be read');
  }
}
