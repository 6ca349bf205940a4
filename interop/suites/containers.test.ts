/** The whole matrix once more with RabbitMQ, Redis and Python of each Debian release in containers. */

import { describe } from 'vitest';

import { fromPython } from '../cases/from-python.ts';
import { toPython } from '../cases/to-python.ts';
import { containerStages } from '../stages/containers.ts';

describe('to Python', () => toPython(containerStages()));
describe('from Python', () => fromPython(containerStages()));
