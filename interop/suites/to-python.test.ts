import { toPython } from '../cases/to-python.ts';
import { hostStages } from '../stages/host.ts';

toPython(hostStages());
