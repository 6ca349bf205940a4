import { parseBrokerUrls } from '../base/broker-url.ts';

/** What `ps` shows: the command line with its URLs masked; `undefined` when it has no URL with a secret in it. */
export function maskedTitle(words: readonly string[]): string | undefined {
  const masked = words.map(maskWord);
  return masked.some((word, index) => word !== words[index]) ? ['tq-bridge', ...masked].join(' ') : undefined;
}

/** A word that is, or that ends in, one URL or a list of them: `--broker=amqp://…`. */
function maskWord(word: string): string {
  const match = /^(-[^=]*=|-b)?([a-z][a-z0-9+]*:\/\/[\s\S]*)$/i.exec(word);
  if (match === null || !/[@?]/.test(match[2] ?? '')) return word;
  try {
    return `${match[1] ?? ''}${parseBrokerUrls(match[2] ?? '')
      .map((url) => url.masked)
      .join(';')}`;
  } catch {
    return `${match[1] ?? ''}**`;
  }
}

/** Text for the terminal in which no URL shows what stands before its last `@`, unless it is masked already. */
export function maskUrls(text: string): string {
  return text.replace(/[^\s'"]+/g, (word) => {
    const at = word.lastIndexOf('@');
    const scheme = at < 0 ? null : /\b[a-z][a-z0-9+]{0,30}:\/\//i.exec(word.slice(0, at));
    if (scheme === null) return word;
    const login = word.slice(scheme.index + scheme[0].length, at);
    return login.endsWith('**') ? word : `${word.slice(0, scheme.index)}${scheme[0]}**${word.slice(at)}`;
  });
}
