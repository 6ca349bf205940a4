import { fromPython } from '../cases/from-python.ts';
import { hostStages } from '../stages/host.ts';

fromPython(hostStages());
