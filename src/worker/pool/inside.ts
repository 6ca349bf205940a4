let inside = false;

/** Marks this process or thread as a child of a pool, before the app is imported. */
export function enterChild(): void {
  inside = true;
}

/** Whether this is a child of a pool: a worker that started here would start children that start workers, without end. */
export function isChild(): boolean {
  return inside;
}
