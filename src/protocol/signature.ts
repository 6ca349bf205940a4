/** Celery's signature dict, spelled as it travels. `celery/canvas.py Signature`. */
export interface SignatureWire {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly subtask_type: string | null;
  readonly immutable: boolean;
}
