import { ImproperlyConfiguredError } from '../base/errors.ts';
import { matchGlob } from './glob.ts';

/** What a route may say about a publish. */
export interface RouteOptions {
  readonly queue?: string;
  readonly exchange?: string;
  readonly exchangeType?: string;
  readonly routingKey?: string;
  readonly priority?: number;
  readonly serializer?: string;
  readonly compression?: string;
  readonly deliveryMode?: 1 | 2;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly retry?: boolean;
  readonly retryPolicy?: Readonly<Record<string, unknown>>;
}

/** A queue's name, or options of the publish; Celery's snake_case is understood too. */
export type RouteTarget =
  | string
  | (RouteOptions & {
      readonly exchange_type?: string;
      readonly routing_key?: string;
      readonly delivery_mode?: 1 | 2;
      readonly retry_policy?: Readonly<Record<string, unknown>>;
    });

/** A router of one's own: arguments as the task gets them, and the options of the send. `undefined` or null passes on. */
export type RouteFunction = (
  name: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  options: Readonly<Record<string, unknown>>,
) => RouteTarget | undefined | null;

type RoutePair = readonly [string | RegExp, RouteTarget];

/** `task_routes`: names or globs (with a `*`) to targets, as an object or as pairs that also take a RegExp; or functions. */
export type Routes =
  | Readonly<Record<string, RouteTarget>>
  | RouteFunction
  | readonly (RoutePair | readonly RoutePair[] | RouteFunction | Readonly<Record<string, RouteTarget>>)[];

type Router = (...call: Parameters<RouteFunction>) => RouteOptions | undefined;

/** Compiles `task_routes`. Throws `ImproperlyConfiguredError`, at once or for what a function answers. `celery/app/routes.py`. */
export function createRouter(routes: Routes | null): Router {
  const routers = routes === null ? [] : routersOf(routes);
  return (...call) => {
    for (const route of routers) {
      const options = route(...call);
      if (options !== undefined) return options;
    }
    return undefined;
  };
}

function routersOf(routes: Routes): Router[] {
  if (!Array.isArray(routes)) return [routerOf(routes)];
  const items: readonly unknown[] = routes;
  // Pairs side by side are one table, in which exact names come first.
  return items.length > 0 && items.every(isPair) ? [tableRouter(items)] : items.map(routerOf);
}

function routerOf(route: unknown): Router {
  if (typeof route === 'function') {
    return (...call) => {
      const target = (route as RouteFunction)(...call);
      return target === undefined || target === null ? undefined : routeOptions(target);
    };
  }
  if (isPair(route)) return tableRouter([route]);
  if (Array.isArray(route) && route.every(isPair)) return tableRouter(route);
  if (typeof route === 'object' && route !== null && !Array.isArray(route)) return tableRouter(Object.entries(route) as RoutePair[]);
  throw new ImproperlyConfiguredError(
    'task_routes takes objects, pairs of a name and a route, and functions; a dotted path to a router means something to Python only',
  );
}

/** `MapRoute`: exact names, then globs and expressions in their order. */
function tableRouter(pairs: readonly RoutePair[]): Router {
  const exact = new Map<string, RouteOptions>();
  const patterns: { readonly matches: (name: string) => boolean; readonly options: RouteOptions }[] = [];
  for (const [pattern, target] of pairs) {
    const options = routeOptions(target);
    if (pattern instanceof RegExp) patterns.push({ matches: fromTheStart(pattern), options });
    else if (pattern.includes('*')) patterns.push({ matches: (name) => matchGlob(pattern, name), options });
    else exact.set(pattern, options);
  }
  return (name) => exact.get(name) ?? patterns.find(({ matches }) => matches(name))?.options;
}

function isPair(value: unknown): value is RoutePair {
  return Array.isArray(value) && value.length === 2 && (typeof value[0] === 'string' || value[0] instanceof RegExp) && !isPair(value[1]);
}

/** As Python's `re.match`: at the start of the name, not somewhere in it. */
function fromTheStart({ source, flags }: RegExp): (name: string) => boolean {
  const sticky = new RegExp(source, `${flags.replace(/[gy]/g, '')}y`);
  return (name) => {
    sticky.lastIndex = 0;
    return sticky.test(name);
  };
}

const NAMES: ReadonlyMap<string, keyof RouteOptions> = new Map<string, keyof RouteOptions>([
  ['queue', 'queue'],
  ['exchange', 'exchange'],
  ['exchangeType', 'exchangeType'],
  ['exchange_type', 'exchangeType'],
  ['routingKey', 'routingKey'],
  ['routing_key', 'routingKey'],
  ['priority', 'priority'],
  ['serializer', 'serializer'],
  ['compression', 'compression'],
  ['deliveryMode', 'deliveryMode'],
  ['delivery_mode', 'deliveryMode'],
  ['headers', 'headers'],
  ['retry', 'retry'],
  ['retryPolicy', 'retryPolicy'],
  ['retry_policy', 'retryPolicy'],
]);

/** What Python's routes cannot set either (expires, time_limit, countdown…) is refused by name. */
function routeOptions(target: unknown): RouteOptions {
  if (typeof target === 'string') return { queue: target };
  if (typeof target !== 'object' || target === null || Array.isArray(target))
    throw new ImproperlyConfiguredError('task_routes: a route is the name of a queue or an object of options');
  const options: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(target)) {
    const name = NAMES.get(given);
    if (name === undefined)
      throw new ImproperlyConfiguredError(
        `task_routes: a route cannot set ${given}; it can set ${[...new Set(NAMES.values())].join(', ')}`,
      );
    if (value !== undefined && value !== null) options[name] = value;
  }
  return options;
}
