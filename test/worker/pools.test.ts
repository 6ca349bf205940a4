import { poolConformance } from '../conformance/pool.ts';

poolConformance('async', { isolated: false, concurrent: true });
poolConformance('solo', { isolated: false, concurrent: false });
