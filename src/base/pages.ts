/** One answer of a small HTTP server, made anew for each request. */
export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What stands under each path, such as `/healthz`. Makers of pages do not throw. */
export type Pages = Readonly<Record<string, () => Page>>;

/** Where to listen. Port 0 takes a free one; without a host it is every interface. */
export interface PageAddress {
  readonly port: number;
  readonly host: string | undefined;
}

/** A server of pages that listens. */
export interface PageServer {
  readonly port: number;
  /** Ends every connection too. Resolves when nothing listens any more. */
  close(): Promise<void>;
}
