import { constants } from 'node:os';
import type { SignalName } from '../base/signal-name.ts';

const NUMBERS: Readonly<Record<string, number>> = constants.signals;

/** The number of a signal on this system; `undefined` for one it does not have. */
export function signalNumber(name: SignalName): number | undefined {
  return NUMBERS[name];
}
