import { parseRegex } from './regex-parse.ts';
import type { Step } from './regex-parse.ts';

/**
 * Whether a regular expression matches at the start of a text, as Python's `re.match`. Every state is tried once a character,
 * so that no pattern of a stranger's can take longer than its length times the text's. Look-around and back references are
 * refused. Throws `RangeError` for a pattern that cannot be read.
 */
export function matchStart(pattern: string, text: string): boolean {
  const steps = parseRegex(pattern);
  const characters = Array.from(text);
  let states = new Set<number>();
  if (enter(steps, 0, states, characters, 0)) return true;
  for (const [at, character] of characters.entries()) {
    const next = new Set<number>();
    for (const state of states) {
      const step = steps[state];
      if (step?.kind === 'take' && step.takes(character) && enter(steps, state + 1, next, characters, at + 1)) return true;
    }
    if (next.size === 0) return false;
    states = next;
  }
  return false;
}

/** Adds a state and all that it leads to without a character; true when one of them is the end. */
function enter(steps: readonly Step[], from: number, states: Set<number>, text: readonly string[], at: number): boolean {
  const open = [from];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (states.has(state)) continue;
    states.add(state);
    const step = steps[state];
    if (step === undefined) return true;
    if (step.kind === 'fork') open.push(...step.to);
    else if (step.kind === 'assert' && step.holds(text, at)) open.push(state + 1);
  }
  return false;
}
