/** Why the signal of a task was aborted that its worker waits for no longer: what its code does from now on counts no more. */
export class Abandoned extends Error {
  override name = 'Abandoned';
}
