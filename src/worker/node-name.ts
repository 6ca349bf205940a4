/** `celery/utils/nodenames.py host_format, default_nodename`; `%i` is the index of a pool's child, and this is the parent. */
export function nodeName(given: string | undefined, host: string): string {
  const [name = host, ...domain] = host.split('.');
  const expanded = fill(given ?? '%h', { h: host, n: name, d: domain.join('.') });
  const at = expanded.indexOf('@');
  return `${expanded.slice(0, Math.max(at, 0)) || 'celery'}@${expanded.slice(at + 1) || host}`;
}

/** A path with what names the node: `%p` all of it, `%n` its name, `%h` its host, `%d` the domain. `node_format`. */
export function nodeFormat(text: string, node: string): string {
  const at = node.indexOf('@');
  const host = node.slice(at + 1);
  const [, ...domain] = host.split('.');
  return fill(text, { p: node, n: node.slice(0, at), h: host, d: domain.join('.') });
}

function fill(text: string, letters: Readonly<Record<string, string>>): string {
  const values: Readonly<Record<string, string>> = { ...letters, i: '0', I: '', '%': '%' };
  return text.replace(/%([hndpiI%])/g, (whole, letter: string) => values[letter] ?? whole);
}
