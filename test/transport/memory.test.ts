import { memoryTransport } from '../../src/transport/memory.ts';
import { transportConformance } from '../conformance/transport.ts';

transportConformance('memory', () => Promise.resolve({ transport: memoryTransport, url: 'memory://conformance' }));
