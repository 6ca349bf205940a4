import type { ControlRequest } from '../protocol/control.ts';
import { matchGlob } from '../routing/glob.ts';
import { matchStart } from './regex.ts';

/** Longest pattern that is looked at: node names are short. */
const LONGEST_PATTERN = 1000;

/**
 * Whether a request is meant for this node: by destination, else by a pattern with its matcher, else every request is.
 * A pattern without matcher reaches everybody, as in Python. Throws `RangeError` for a matcher that does not exist and a
 * pattern that is too long or cannot be read. `kombu/pidbox.py Node.handle_message`, `kombu/matcher.py`.
 */
export function isMeantFor(nodeName: string, { destination, pattern, matcher }: ControlRequest): boolean {
  if (destination !== undefined) return destination.includes(nodeName);
  if (pattern === undefined || pattern === '' || matcher === undefined || matcher === '') return true;
  return matchesNode(nodeName, pattern, matcher);
}

/** Whether a node's name takes a pattern: `glob` as `fnmatch`, `pcre` as `re.match`, both in linear time. Throws as above. */
export function matchesNode(nodeName: string, pattern: string, matcher: string): boolean {
  if (pattern.length > LONGEST_PATTERN) throw new RangeError(`a pattern has up to ${LONGEST_PATTERN} characters`);
  if (matcher === 'glob') return matchGlob(pattern, nodeName);
  if (matcher === 'pcre') return matchStart(pattern, nodeName);
  throw new RangeError(`No matcher installed for ${matcher.slice(0, 100)}`);
}
