/** What a caught value says of itself: an error's message, or anything else as text. Never throws, whatever was thrown. */
export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return 'something that cannot be printed';
  }
}
