/** Every code a `TqError` can carry. Stable: `docs/errors.md` lists them and a test compares the two. */
export type TqErrorCode =
  | 'ERR_MESSAGE_ENCODE'
  | 'ERR_MESSAGE_DECODE'
  | 'ERR_MESSAGE_CONTENT_DISALLOWED'
  | 'ERR_MESSAGE_LIMIT'
  | 'ERR_MESSAGE_SECURITY'
  | 'ERR_TRANSPORT_CONNECTION'
  | 'ERR_TRANSPORT_CHANNEL'
  | 'ERR_TRANSPORT_NACKED'
  | 'ERR_TRANSPORT_BLOCKED'
  | 'ERR_TRANSPORT_STATE'
  | 'ERR_BACKEND_UNAVAILABLE'
  | 'ERR_BACKEND_RESULT_DECODE'
  | 'ERR_BACKEND_DISABLED'
  | 'ERR_APP_OPERATIONAL'
  | 'ERR_APP_IMPROPERLY_CONFIGURED'
  | 'ERR_APP_NOT_REGISTERED'
  | 'ERR_APP_CLOSED'
  | 'ERR_TASK_FAILED'
  | 'ERR_TASK_REVOKED'
  | 'ERR_RESULT_TIMEOUT';

/** The base of every error this library raises on purpose. Branch on `code`, never on the text. */
export class TqError extends Error {
  readonly code: TqErrorCode;

  constructor(code: TqErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Our caller gave us something that cannot be sent. */
export class EncodeError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MESSAGE_ENCODE', message, options);
  }
}

/** A peer sent something unreadable. `path` says where, e.g. `headers.eta`. */
export class DecodeError extends TqError {
  readonly path: string;

  constructor(path: string, message: string, options?: ErrorOptions) {
    super('ERR_MESSAGE_DECODE', path === '' ? message : `${path}: ${message}`, options);
    this.path = path;
  }
}

/** The content type of a message is not on the accept list; nothing was decoded. `kombu.exceptions.ContentDisallowed`. */
export class ContentDisallowedError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MESSAGE_CONTENT_DISALLOWED', message, options);
  }
}

/** Something a peer sent is over a ceiling. */
export class LimitError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MESSAGE_LIMIT', message, options);
  }
}

/**
 * A message whose signature does not hold, or a key, certificate or store that cannot be used. Never carries a key or its
 * password. `celery.exceptions.SecurityError`.
 */
export class SecurityError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_MESSAGE_SECURITY', message, options);
  }
}

/** The broker cannot be reached or the connection was lost; a retry may help. Never carries a password. */
export class ConnectionError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_TRANSPORT_CONNECTION', message, options);
  }
}

/** The broker closed this channel (404, 405, 406…); the connection lives. `replyCode` is AMQP's. */
export class ChannelError extends TqError {
  readonly replyCode: number | undefined;

  constructor(message: string, replyCode?: number, options?: ErrorOptions) {
    super('ERR_TRANSPORT_CHANNEL', message, options);
    this.replyCode = replyCode;
  }
}

/** The broker answered a publish with basic.nack. */
export class MessageNackedError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_TRANSPORT_NACKED', message, options);
  }
}

/** The broker takes nothing more for now (connection.blocked) and the wait ended. */
export class BrokerBlockedError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_TRANSPORT_BLOCKED', message, options);
  }
}

/** A programming error: a delivery settled twice. */
export class MessageStateError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_TRANSPORT_STATE', message, options);
  }
}

/** The result store cannot be reached. */
export class BackendUnavailableError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_BACKEND_UNAVAILABLE', message, options);
  }
}

/** What stands in the result store is not a result. */
export class ResultDecodeError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_BACKEND_RESULT_DECODE', message, options);
  }
}

/** No result backend is configured, so there is nothing to read. */
export class BackendDisabledError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_BACKEND_DISABLED', message, options);
  }
}

/** A message could not be published within the retry policy. `kombu.exceptions.OperationalError`. */
export class OperationalError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_APP_OPERATIONAL', message, options);
  }
}

/** A setting is unknown or has the wrong value. `celery.exceptions.ImproperlyConfigured`. */
export class ImproperlyConfiguredError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_APP_IMPROPERLY_CONFIGURED', message, options);
  }
}

/** No task of that name is registered here. `celery.exceptions.NotRegistered`. */
export class NotRegisteredError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_APP_NOT_REGISTERED', message, options);
  }
}

/** The app was closed. */
export class AppClosedError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_APP_CLOSED', message, options);
  }
}

/** What a failed task left behind, spelled for people. */
export interface RemoteFailure {
  readonly taskId: string;
  readonly excType: string;
  readonly excModule: string | undefined;
  readonly excMessage: readonly unknown[];
  readonly remoteTraceback: string | undefined;
}

/** The remote task raised. Nothing is imported or constructed from what the peer sent: it is all data here. */
export class TaskFailedError extends TqError implements RemoteFailure {
  readonly taskId: string;
  readonly excType: string;
  readonly excModule: string | undefined;
  readonly excMessage: readonly unknown[];
  readonly remoteTraceback: string | undefined;

  constructor(failure: RemoteFailure, code: TqErrorCode = 'ERR_TASK_FAILED') {
    super(code, `${failure.excType}: ${failure.excMessage.map(describeArgument).join(', ')}`);
    this.taskId = failure.taskId;
    this.excType = failure.excType;
    this.excModule = failure.excModule;
    this.excMessage = failure.excMessage;
    this.remoteTraceback = failure.remoteTraceback;
  }
}

/** The task was revoked, or expired before it ran. `celery.exceptions.TaskRevokedError`. */
export class TaskRevokedError extends TaskFailedError {
  constructor(failure: RemoteFailure) {
    super(failure, 'ERR_TASK_REVOKED');
  }
}

/** The result did not come in time. `celery.exceptions.TimeoutError`. */
export class ResultTimeoutError extends TqError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_RESULT_TIMEOUT', message, options);
  }
}

function describeArgument(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner)) ?? String(value);
  } catch {
    return typeof value;
  }
}
