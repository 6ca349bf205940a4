import { BackendDisabledError } from '../base/errors.ts';
import type { ResultBackend } from './backend.ts';

/** No result backend: nothing is stored, and asking is an error that says what to set. `celery/backends/base.py DisabledBackend`. */
export function openDisabledBackend(): Promise<ResultBackend> {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new BackendDisabledError("no result backend is set: give the setting result_backend, e.g. 'rpc://' or 'redis://localhost'"),
    );
  const nothing = (): Promise<void> => Promise.resolve();
  return Promise.resolve({
    name: 'disabled',
    replyTo: undefined,
    storeResult: nothing,
    ready: () => undefined,
    close: nothing,
    getMeta: refuse,
    waitFor: refuse,
    forget: refuse,
  });
}
