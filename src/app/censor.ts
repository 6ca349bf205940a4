import { parseBrokerUrls } from '../base/broker-url.ts';

const MASK = '********';

/** Celery's list of names whose values nobody but the app may see. `celery/app/utils.py HIDDEN_SETTINGS`. */
const HIDDEN = /API|TOKEN|KEY|SECRET|PASS|PROFANITY_FILTER|DATABASE/i;

/** A setting as others may see it: no secret, no password, nothing that JSON cannot carry. */
export function censored(name: string, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  // Routing keys are in the list only because of how the word begins.
  if (HIDDEN.test(name) && !/routing_key/i.test(name)) return MASK;
  switch (typeof value) {
    case 'string':
      return censoredText(value);
    case 'function':
      return `<function ${value.name}>`;
    case 'object':
      return censoredObject(name, value);
    case 'symbol':
      return value.toString();
    default:
      return value;
  }
}

function censoredObject(name: string, value: object): unknown {
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) return value.map((item: unknown) => censored(name, item));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, censored(key, item)]));
}

/** URLs lose their password, wherever they stand. */
function censoredText(text: string): string {
  if (!text.includes('://')) return text;
  try {
    return parseBrokerUrls(text)
      .map((url) => url.masked)
      .join(';')
      .replaceAll(':**@', `:${MASK}@`);
  } catch {
    return MASK;
  }
}
