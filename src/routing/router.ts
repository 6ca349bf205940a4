import { matchGlob } from './glob.ts';

/** What a route says about a task: a queue's name, or options of the publish. Celery's snake_case is understood too. */
export interface RouteOptions {
  readonly queue?: string;
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly routing_key?: string;
  readonly priority?: number;
}

export type RouteFunction = (
  name: string,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
) => string | RouteOptions | undefined | null;

type RouteTarget = string | RouteOptions;

/** `task_routes`: names or globs to targets; pairs also take a RegExp; functions decide themselves. */
export type Routes =
  | Readonly<Record<string, RouteTarget>>
  | RouteFunction
  | readonly (readonly [string | RegExp, RouteTarget] | RouteFunction | Readonly<Record<string, RouteTarget>>)[];

/** Compiles `task_routes`. */
export function createRouter(routes: Routes | null): (...call: Parameters<RouteFunction>) => RouteOptions | undefined {
  const routers = routes === null ? [] : (Array.isArray(routes) && !isPair(routes) ? routes : [routes]).map(toRouter);
  return (name, args, kwargs) => {
    for (const route of routers) {
      const target = route(name, args, kwargs);
      if (target !== undefined && target !== null) return typeof target === 'string' ? { queue: target } : camelCased(target);
    }
    return undefined;
  };
}

function isPair(routes: readonly unknown[]): boolean {
  return routes.length === 2 && (typeof routes[0] === 'string' || routes[0] instanceof RegExp);
}

function toRouter(routes: unknown): RouteFunction {
  if (typeof routes === 'function') return routes as RouteFunction;
  if (Array.isArray(routes)) {
    const [pattern, target] = routes as [string | RegExp, RouteTarget];
    return (name) => (matches(pattern, name) ? target : undefined);
  }
  const table = routes as Readonly<Record<string, RouteTarget>>;
  const globs = Object.entries(table).filter(([pattern]) => /[*?]/.test(pattern));
  return (name) => (Object.hasOwn(table, name) ? table[name] : globs.find(([pattern]) => matchGlob(pattern, name))?.[1]);
}

function matches(pattern: string | RegExp, name: string): boolean {
  return typeof pattern === 'string' ? matchGlob(pattern, name) : pattern.test(name);
}

function camelCased({ routing_key: snake, ...rest }: RouteOptions): RouteOptions {
  return snake === undefined ? rest : { routingKey: snake, ...rest };
}
