import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TaskFailedError } from '../../src/base/errors.ts';
import { decodeFailure } from '../../src/protocol/failure.ts';

const source = new URL('../../src', import.meta.url).pathname;
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** Ways to run code that is not in the program's own text. `import('./x.ts')` names its module itself. */
const LOADERS =
  /\bimport\((?!\s*['"][^'"$]+['"]\s*\))|\brequire\((?!['"][^'"]+['"]\))|\beval\(|\bFunction\(|globalThis\[(?!Symbol|'\$\{KEY\}')|node:(?:vm|child_process)|\bfork\(/g;

/** Who may, and with what: nothing of it comes from a message. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  // The module that the command line names.
  'cli/load-app.ts': ['import('],
  // The same module again, in a child of the pool: its parent says which.
  'worker/pool/child-main.ts': ['import('],
  'worker/pool/process-child.ts': ['node:child_process', 'fork('],
  // A file inside a package.
  'driver/amqp.ts': ['require('],
  'driver/lzma.ts': ['require('],
};

describe('code that a message could make a process load', () => {
  test.each(files)('%s loads none', (file) => {
    const code = readFileSync(join(source, file), 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/^\s*\/\/.*$/gm, '');
    const found = new Set(Array.from(code.matchAll(LOADERS), ([text]) => text));
    expect([...found].filter((text) => ALLOWED[file]?.includes(text) !== true)).toEqual([]);
  });

  test.each(['await import(name)', 'import(`./${name}.ts`)', 'require(name)', 'new Function(text)', 'eval(text)', 'globalThis[name]'])(
    'a planted %s is seen',
    (code) => {
      expect(code.match(LOADERS)).not.toBeNull();
    },
  );
});

describe('a failure that names what is no exception', () => {
  test.each([
    ['os', 'system'],
    ['builtins', 'eval'],
    ['os', 'path.join'],
    ['builtins', '__class__'],
    ['builtins', 'SystemExit'],
    ['builtins', 'KeyboardInterrupt'],
    ['a.b.c', 'a.b.c'],
    ['__proto__', 'constructor'],
    ['node:process', 'exit'],
    ['builtins', ''],
    [5, 'ValueError'],
    [undefined, 'globalThis'],
  ])('%s.%s is text in an error of ours', (module, type) => {
    const failure = decodeFailure({ exc_type: type, exc_module: module, exc_message: ['touch /tmp/x'] }, 'id', null);
    const error = new TaskFailedError(failure);

    expect(error.constructor).toBe(TaskFailedError);
    expect(error.name).toBe('TaskFailedError');
    expect(error.excType).toBe(type);
    expect(error.excMessage).toEqual(['touch /tmp/x']);
  });
});
