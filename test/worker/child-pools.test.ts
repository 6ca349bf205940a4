import { poolConformance } from '../conformance/pool.ts';

poolConformance('prefork', { isolated: true, concurrent: true });
poolConformance('threads', { isolated: true, concurrent: true });
