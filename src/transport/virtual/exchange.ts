import type { Exchange } from '../../routing/queue.ts';
import { globWords } from '../../routing/topic.ts';
import { patternTakes } from './pattern.ts';

export { storedPattern } from './pattern.ts';

/** One row of a routing table, as kombu keeps it: key, stored pattern, queue. */
export interface Binding {
  readonly routingKey: string;
  /** A Python regular expression for topic bindings, else empty. */
  readonly pattern: string;
  readonly queue: string;
}

/** Queues a message with this key goes to. Topic rows are matched by their stored pattern, as kombu does. */
export function boundQueues(type: Exchange['type'], bindings: readonly Binding[], routingKey: string): string[] {
  const queues = new Set<string>();
  for (const binding of bindings) {
    if (matches(type, binding, routingKey)) queues.add(binding.queue);
  }
  return [...queues];
}

function matches(type: Exchange['type'], binding: Binding, routingKey: string): boolean {
  switch (type) {
    case 'fanout':
      return true;
    case 'topic':
      return patternTakes(binding.pattern, routingKey) ?? globWords(binding.routingKey, routingKey);
    case 'direct':
    case 'headers':
      return binding.routingKey === routingKey;
  }
}
